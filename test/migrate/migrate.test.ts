import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createKey, createRecord, createSuccessor, createTombstone, faulty } from '@holdfast/conformance'
import {
  createEngine,
  encrypted,
  migrate,
  type MigrateOptions,
  type MigrationPhase,
  migrationStatus,
  moveMigration,
  SessionTooLargeError,
  type SessionRecord,
  type SessionStore,
} from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { requestWith } from '../races/request-with.js'
import { until } from '../servers/until.js'

const SECRET = 'a secret of at least thirty-two bytes'

type Event = Readonly<Record<string, unknown>>
const events: Event[] = []
const listen = (event: unknown): void => void events.push(event as Event)
beforeEach(() => {
  events.length = 0
  subscribe('holdfast:store', listen)
})
afterEach(() => void unsubscribe('holdfast:store', listen))
const told = (type: string): Event[] => events.filter((event) => event.type === type)

/** Two servers, and processes that each reach them by a way of their own. */
function site({ lists = true, options = {} as Partial<MigrateOptions> } = {}) {
  const servers = { from: memoryStore(), to: memoryStore() }
  const wayTo = (server: SessionStore) => {
    const way = faulty(server)
    if (!lists) delete (way as { keys?: unknown }).keys
    return way
  }
  const start = (more: Partial<MigrateOptions> = {}) => {
    const [from, to] = [wayTo(servers.from), wayTo(servers.to)]
    const store = migrate({ from, to, lookEvery: '30ms', ...options, ...more })
    onTestFinished(() => store.release())
    const isIn = (phase: MigrationPhase) => until(`it works in ${phase}`, () => store.status().phase === phase)
    /** Of a process that was killed nothing more is heard. */
    const kill = (): void => {
      from.fault = { kind: 'throw' }
      to.fault = { kind: 'throw' }
    }
    return { store, from, to, isIn, kill, ready: () => store.ready!() }
  }
  /** All that are registered have followed, and what is swept there has been. */
  const settled = (isSwept = lists) =>
    until('all have followed', async () => {
      const { phase, nodes, sweep, waitsUntil } = await migrationStatus(servers.to)
      if (phase === 'drain' && isSwept && sweep?.doneAt === undefined) return false
      if (phase === 'switch' && isSwept && waitsUntil !== undefined) return false
      return nodes.every(({ phases }) => phases.join() === phase)
    })
  const move = async (...phases: readonly MigrationPhase[]) => {
    for (const phase of phases) {
      await settled()
      await moveMigration(servers.to, phase)
    }
    await settled()
  }
  return { servers, start, move, settled }
}

const put = async (store: SessionStore, key: string, record: SessionRecord) =>
  expect(await store.write(key, record, 'newer')).toEqual({ written: true })

describe('the phase', () => {
  test('moves by one step, forward and back, and all follow', async () => {
    const { start, move, servers } = site()
    const [a, b] = [start(), start()]
    for (const phase of ['shadow', 'off', 'shadow', 'switch', 'shadow', 'switch', 'drain', 'switch'] as const) {
      await move(phase)
      expect([a.store.status().phase, b.store.status().phase]).toEqual([phase, phase])
    }
    await move('drain', 'done', 'drain', 'done')
    expect((await migrationStatus(servers.to)).nodes).toHaveLength(2)
  })

  test('does not move by two, and moving it to where it is changes nothing', async () => {
    const { servers } = site()
    await expect(moveMigration(servers.to, 'switch')).rejects.toThrow(
      "migrate: the phase is 'off', and 'switch' is not next to it. Go one step at a time: off, shadow, switch, drain, done.",
    )
    await moveMigration(servers.to, 'shadow')
    const { since } = await migrationStatus(servers.to)
    expect(await moveMigration(servers.to, 'shadow')).toMatchObject({ phase: 'shadow', since })
    await expect(moveMigration(servers.to, 'on' as 'off')).rejects.toThrow("phase is 'on'")
  })

  test('waits for a process that has not followed, and says which', async () => {
    const { start, servers } = site()
    const slow = start({ phase: 'shadow' })
    await slow.isIn('shadow')
    await start({ phase: 'switch' }).isIn('switch')
    await expect(moveMigration(servers.to, 'drain')).rejects.toThrow(
      /the process .+:\d+ is in 'shadow' and not in 'switch' yet/,
    )
    await slow.store.release()
    expect(await moveMigration(servers.to, 'drain')).toMatchObject({ phase: 'drain', nodes: [{}] })
  })

  test('does not wait for ever for a process that was killed', async () => {
    const { start, move, servers } = site()
    const [killed, other] = [start(), start()]
    await Promise.all([killed.isIn('off'), other.isIn('off')])
    killed.kill()
    await moveMigration(servers.to, 'shadow')
    await other.isIn('shadow')
    // Its registration ends with its lease; the sentence that names it is not the answer.
    expect(await moveMigration(servers.to, 'switch')).toMatchObject({ phase: 'switch' })
    await move('drain')
  })

  test('of a process two steps away is refused, with a sentence', async () => {
    const { start, servers } = site()
    for (const phase of ['shadow', 'switch'] as const) await moveMigration(servers.to, phase)
    const { store, ready } = start({ phase: 'off' })
    const sentence =
      "migrate: this process is configured for the phase 'off', but the migration is at 'switch'. Only neighbours may run side by side: start it with 'switch', or go one step at a time."
    await expect(ready()).rejects.toThrow(sentence)
    await expect(store.read(createKey())).rejects.toThrow(sentence)
    await expect(start({ phase: 'done' }).ready()).rejects.toThrow("the migration is at 'switch'")
    await start({ phase: 'drain' }).isIn('drain')
  })

  test('done begins anew when nobody takes part', async () => {
    const { start, move, servers } = site()
    const { store } = start()
    await move('shadow', 'switch', 'drain', 'done')
    await expect(moveMigration(servers.to, 'off')).rejects.toThrow(/takes part in the migration that is done/)
    await store.release()
    expect(await moveMigration(servers.to, 'off')).toMatchObject({ phase: 'off', sweep: undefined })
    const again = start()
    await again.isIn('off')
    await put(again.store, createKey(), createRecord())
  })

  test('options that are wrong are named', () => {
    const stores = { from: memoryStore(), to: memoryStore() }
    expect(() => migrate({ ...stores, phase: 'on' as 'off' })).toThrow("migrate: phase is 'on'")
    expect(() => migrate({ ...stores, lookEvery: '5 s' as '5s' })).toThrow("migrate: lookEvery is '5 s'")
    expect(() => migrate({ ...stores, look: 1 } as MigrateOptions)).toThrow('There is no option migrate.look')
  })
})

describe('a server that is away', () => {
  test.each(['off', 'shadow'] as const)('`to`, in %s: all goes on, also in processes that start', async (phase) => {
    const { start, move } = site()
    const running = start()
    if (phase === 'shadow') await move('shadow')
    await running.isIn(phase)
    const key = createKey()
    const first = createRecord()
    await put(running.store, key, first)
    running.to.fault = { kind: 'throw' }
    // Longer than any lease.
    await new Promise((resolve) => setTimeout(resolve, 200))
    const next = createSuccessor(first)
    expect(await running.store.write(key, next, { replaces: first })).toEqual({ written: true })
    const late = migrate({ from: running.from, to: running.to, lookEvery: '30ms' })
    onTestFinished(() => late.release())
    expect(await late.read(key)).toMatchObject({ tag: next.tag })
    if (phase === 'shadow') await until('it is told', () => told('shadow-failed').length > 0)
  })

  test.each(['from', 'to'] as const)('`%s`, in switch: nothing is answered by half', async (away) => {
    const { start, move } = site()
    const node = start()
    await move('shadow', 'switch')
    const key = createKey()
    const record = createRecord()
    await put(node.store, key, record)
    node[away].fault = { kind: 'throw' }
    await expect(node.store.read(key)).rejects.toThrow('one of its stores did not answer')
    await expect(node.store.write(key, createSuccessor(record), { replaces: record })).rejects.toThrow()
    await expect(node.store.touch(key, record, record.expiresAt + 1)).rejects.toThrow()
    node[away].fault = undefined
    await until('it answers', async () => (await node.store.read(key)) !== undefined)
  })

  test('`to`, in switch: what it cannot be given is not shown', async () => {
    const { start, move, servers } = site()
    const node = start()
    await move('shadow', 'switch')
    const key = createKey()
    await put(servers.from, key, createRecord())
    node.to.fault = (call) => (call.key === key && call.operation === 'write' ? { kind: 'throw' } : undefined)
    await expect(node.store.read(key)).rejects.toThrow("met the fault 'throw'")
    node.to.fault = undefined
    expect(await node.store.read(key)).toBeDefined()
    expect(await servers.to.read(key)).toBeDefined()
  })

  test('`from`, in drain: needed until all of it has been brought over, then no more', async () => {
    const { start, move, servers, settled } = site({ lists: false })
    const node = start()
    await move('shadow', 'switch')
    const key = createKey()
    await put(servers.from, key, createRecord())
    await moveMigration(servers.to, 'drain')
    await settled()
    node.from.fault = { kind: 'throw' }
    await expect(node.store.read(key)).rejects.toThrow('one of its stores did not answer')
    const ended = createKey()
    await put(servers.to, ended, createTombstone())
    expect(await node.store.read(ended)).toMatchObject({ data: null })
    node.from.fault = undefined
    const sweeper = migrate({ from: servers.from, to: servers.to, lookEvery: '30ms' })
    onTestFinished(() => sweeper.release())
    await settled(true)
    node.from.fault = { kind: 'throw' }
    await until('it reads `to` alone', async () => (await node.store.read(key)) !== undefined)
    expect(await node.store.write(key, createTombstone(), 'newer')).toEqual({ written: true })
    expect(told('degraded')).toContainEqual({ type: 'degraded', store: 'from', operation: 'write' })
  })
})

describe('a process that was taken for dead', () => {
  test('and has `from` alone stops when others begin to keep sessions in `to` alone', async () => {
    const { start, move } = site()
    const [cut, other] = [start(), start()]
    const key = createKey()
    await move('shadow')
    await put(cut.store, key, createRecord())
    cut.to.fault = { kind: 'throw' }
    await until('the others go on without it', async () => {
      await move('switch')
      return true
    })
    expect(await cut.store.read(key)).toBeDefined()
    await move('drain')
    await other.isIn('drain')
    const found = (await other.store.read(key)) as SessionRecord
    expect(await other.store.write(key, createSuccessor(found), { replaces: found })).toEqual({ written: true })
    await expect(cut.store.read(key)).rejects.toThrow('does not have all sessions any more')
    cut.to.fault = undefined
    await until('it follows', async () => (await cut.store.read(key))?.revision === 2)
  })

  test('does not begin to keep sessions in `to` alone before that, even when nobody else seems to be there', async () => {
    const { start, move, servers } = site()
    const cut = start({ lookEvery: '400ms' })
    await move('shadow')
    cut.to.fault = { kind: 'throw' }
    const other = start()
    await other.isIn('shadow')
    await until('the others go on without it', async () => {
      await moveMigration(servers.to, 'switch')
      return true
    })
    await other.isIn('switch')
    await moveMigration(servers.to, 'drain')
    const key = createKey()
    let isInBoth = true
    // From when on `other` keeps something in `to` alone, the one that is cut off answers no more.
    for (let record = createRecord(); isInBoth; record = createSuccessor(record)) {
      await put(other.store, key, record)
      isInBoth = (await servers.from.read(key))?.tag === record.tag
      const found = cut.store.read(key).then((answer) => answer?.tag)
      if (isInBoth) expect(await found.catch(() => record.tag)).toBe(record.tag)
      else await expect(found).rejects.toThrow('does not have all sessions any more')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(other.store.status().phase).toBe('drain')
  })

  test('does not acknowledge what it began before', async () => {
    const { start, move } = site()
    const node = start()
    await move('shadow', 'switch', 'drain')
    const key = createKey()
    let answer = (): void => {}
    const answered = new Promise<void>((resolve) => (answer = resolve))
    node.to.fault = (call) => (call.key === key ? { kind: 'delay', until: answered } : { kind: 'throw' })
    const outcome = expect(node.store.read(key)).rejects.toThrow(/the fault 'throw'|no answer/)
    // Longer than its lease, shorter than a call may take.
    await new Promise((resolve) => setTimeout(resolve, 150))
    answer()
    await outcome
  })
})

describe('shadow', () => {
  test('copies each write, and tells what `to` does not have', async () => {
    const { start, move, servers } = site()
    const [old, copied] = [createKey(), createKey()]
    await put(servers.from, old, createRecord())
    const { store } = start()
    await move('shadow')
    const record = createRecord()
    await put(store, copied, record)
    await store.touch(copied, record, record.expiresAt + 1_000)
    await until('it is copied', async () => (await servers.to.read(copied))?.expiresAt === record.expiresAt + 1_000)
    await store.read(copied)
    await until('it was compared', () => store.status().shadow.compared === 1)
    await store.read(old)
    await until('it was told', () => told('shadow-differs').length > 0)
    expect(told('shadow-differs')).toEqual([{ type: 'shadow-differs', store: 'to', how: 'missing' }])
    await put(store, copied, createTombstone())
    await until('it is copied', async () => (await servers.to.read(copied))?.data === null)
    await until('the status says so', async () => {
      const [node] = (await migrationStatus(servers.to)).nodes
      return node?.shadow.compared === 2 && node.shadow.differed === 1 && node.shadow.failed === 0
    })
  })
})

describe('sweeps', () => {
  test('bring over what only `from` has, sessions and marks of ended ones, and count', async () => {
    const { start, move, servers } = site()
    const keys = Array.from({ length: 50 }, createKey)
    for (const key of keys) await put(servers.from, key, createRecord())
    const ended = createKey()
    await put(servers.from, ended, createTombstone())
    await put(servers.to, ended, createRecord())
    start()
    start()
    await move('shadow', 'switch', 'drain')
    for (const key of keys) expect(await servers.to.read(key)).toMatchObject({ revision: 1 })
    expect(await servers.to.read(ended)).toMatchObject({ data: null })
    expect((await migrationStatus(servers.to)).sweep).toMatchObject({ of: 'from', seen: 51, brought: 51 })
    expect(told('migration-swept')).toEqual([{ type: 'migration-swept', store: 'from', records: 51, brought: 51 }])
    await move('done')
  })

  test('go on in another process when the one that was at it is killed', async () => {
    const { start, move, servers, settled } = site()
    const keys = Array.from({ length: 40 }, createKey)
    for (const key of keys) await put(servers.from, key, createRecord())
    const first = start()
    await move('shadow', 'switch')
    let asked = 0
    first.to.fault = ({ key }) => (keys.includes(key) && ++asked > 10 ? { kind: 'throw' } : undefined)
    await moveMigration(servers.to, 'drain')
    await until('it has begun', () => asked > 10)
    first.kill()
    start()
    await settled()
    for (const key of keys) expect(await servers.to.read(key)).toBeDefined()
  })

  test('leave behind what is too large for `to`, and done waits for its end', async () => {
    const { start, move, servers } = site({ options: { absolute: '1h' } })
    const key = createKey()
    await put(servers.from, key, createRecord())
    const node = start()
    await move('shadow', 'switch')
    node.to.fault = (call) =>
      call.key === key && call.operation === 'write'
        ? { kind: 'throw', error: new SessionTooLargeError(2, 1) }
        : undefined
    await moveMigration(servers.to, 'drain')
    await until('it was swept', () => told('migration-swept').length > 0)
    await expect(moveMigration(servers.to, 'done')).rejects.toThrow(
      /some sessions may still be in `from` alone, so the phase cannot move from 'drain' to 'done' yet. .* until \d{4}-/,
    )
    expect(await node.store.read(key)).toMatchObject({ revision: 1 })
  })

  test('back: what only `to` has is brought to `from` before shadow may follow', async () => {
    const { start, move, servers } = site()
    const { store } = start()
    await move('shadow', 'switch', 'drain')
    const key = createKey()
    await put(store, key, createRecord())
    expect(await servers.from.read(key)).toBeUndefined()
    await move('switch')
    expect(await servers.from.read(key)).toBeDefined()
    await move('shadow', 'off')
    expect(await store.read(key)).toBeDefined()
  })

  test('of a store that cannot list its keys there are none: done follows one absolute lifetime later', async () => {
    const offset = { ms: 0 }
    const clock = (): number => Date.now() + offset.ms
    const { start, servers, settled } = site({ lists: false, options: { absolute: '12h', clock } })
    start()
    for (const phase of ['shadow', 'switch', 'drain'] as const) {
      await settled()
      await moveMigration(servers.to, phase, { clock })
    }
    await settled()
    await expect(moveMigration(servers.to, 'done', { clock })).rejects.toThrow(/until \d{4}-/)
    expect((await migrationStatus(servers.to, { clock })).waitsUntil).toBeGreaterThan(clock() + 11 * 3_600_000)
    offset.ms = 12 * 3_600_000 + 1_000
    expect(await moveMigration(servers.to, 'done', { clock })).toMatchObject({ phase: 'done' })
  })
})

describe('sessions', () => {
  test('and the lists of users go along, and a logout is for ever', async () => {
    const { start, move } = site()
    const node = start()
    const sessions = createEngine<{ n: number }>({ secret: SECRET, store: node.store })
    onTestFinished(() => sessions.close())
    const [kept, ended] = [
      await sessions.create({ n: 0 }, { userId: 'ada' }),
      await sessions.create({ n: 0 }, { userId: 'ada' }),
    ]
    const path = ['shadow', 'switch', 'shadow', 'switch', 'drain', 'switch', 'drain', 'done'] as const
    for (const [step, phase] of path.entries()) {
      await move(phase)
      await sessions.update(requestWith(kept.cookie), (session) => void (session.n = step + 1))
      if (phase === 'switch' && step === 1) await sessions.update(requestWith(ended.cookie), (one) => one.destroy())
      expect(await sessions.read(requestWith(kept.cookie))).toMatchObject({ n: step + 1 })
      if (step > 0) expect(await sessions.read(requestWith(ended.cookie))).toBeUndefined()
      expect(await sessions.listByUser('ada')).toHaveLength(step === 0 ? 2 : 1)
    }
    expect(await sessions.destroyByUser('ada')).toBe(1)
    expect(await sessions.read(requestWith(kept.cookie))).toBeUndefined()
  })
})

describe('the option migrateFrom', () => {
  const adapterOf = (stores: Readonly<Record<string, SessionStore>>) => ({
    name: 'test',
    schemes: ['test'],
    open: (url: string) => stores[url] as SessionStore,
  })

  test('both stores are URLs, encrypted under the same keys, and operators read the phase without them', async () => {
    const servers = { 'test:old': memoryStore(), 'test:new': memoryStore() }
    const keys = randomBytes(32).toString('base64url')
    const sessions = createEngine<{ name: string }>({
      secret: SECRET,
      encryptionKeys: keys,
      store: 'test:new',
      migrateFrom: 'test:old',
      nearCache: { maxStaleMs: 500 },
      adapters: [adapterOf(servers)],
    })
    await sessions.ready()
    const { id, cookie } = await sessions.create({ name: 'Ada' })
    expect((await servers['test:old'].read(id))?.data).toMatch(/^hs1\./)
    expect(await servers['test:new'].read(id)).toBeUndefined()
    const status = await migrationStatus(servers['test:new'])
    expect(status).toMatchObject({ phase: 'off', nodes: [{ phases: ['off'] }] })
    expect(await sessions.read(requestWith(cookie))).toMatchObject({ name: 'Ada' })
    await sessions.close()
  })

  test('takes no more part once it is closed', async () => {
    const [from, to] = [memoryStore(), memoryStore()]
    const sessions = createEngine({ secret: SECRET, store: to, migrateFrom: from })
    await sessions.ready()
    expect((await migrationStatus(to)).nodes).toHaveLength(1)
    await sessions.close()
    expect((await migrationStatus(to)).nodes).toEqual([])
  })

  test.each([
    [{ migrateFrom: '' }, "migrateFrom is ''. Give the URL of a store such as 'redis://…', or leave it out."],
    [{ migrateFrom: 7 as never }, 'migrateFrom is 7'],
    [
      { migrateFrom: memoryStore(), encryptionKeys: randomBytes(32).toString('base64url') },
      'give migrateFrom: encrypted(store, { keys })',
    ],
    [{ migrateFrom: migrate({ from: memoryStore(), to: memoryStore() }) }, 'made by migrate'],
  ])('%o is refused', (options, sentence) => {
    expect(() => createEngine({ secret: SECRET, store: 'memory:', ...options })).toThrow(sentence)
  })

  test('of encrypted stores the records of the migration are not sealed', async () => {
    const server = memoryStore()
    const keys = randomBytes(32).toString('base64url')
    await moveMigration(encrypted(server, { keys }), 'shadow')
    expect(await migrationStatus(server)).toMatchObject({ phase: 'shadow' })
  })
})
