import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createClock, faulty } from '@holdfast/conformance'
import {
  type AdoptedSession,
  type Bridge,
  type BridgeOptions,
  createBridge,
  createEngine,
  isListed,
  isSessionGone,
  type SessionOptions,
} from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

const HALF_AN_HOUR = 1_800_000
const HOUR = 3_600_000
const DAY = 24 * HOUR
const deadlineField = { path: 'cookie.expires', show: (expiresAt: number) => expiresAt }

/** Several processes on one store, each with a bridge of its own. */
function build(options: BridgeOptions = {}, engineOptions: Partial<SessionOptions<object>> = {}) {
  const clock = createClock()
  const server = memoryStore({ clock: clock.now })
  const store = faulty(server)
  const newBridge = () => {
    const sessions = createEngine<object>({
      secret: 'a secret of at least thirty-two bytes',
      store,
      clock: clock.now,
      ...engineOptions,
    })
    onTestFinished(() => sessions.close())
    return createBridge(sessions, { deadlineField, ...options })
  }
  return { clock, server, store, newBridge, bridge: newBridge() }
}

function events(): string[] {
  const heard: string[] = []
  const listen = (event: unknown) => void heard.push((event as { type: string }).type)
  subscribe('holdfast:session', listen)
  onTestFinished(() => void unsubscribe('holdfast:session', listen))
  return heard
}

const keysOf = async (store: { keys(): AsyncIterable<string> }): Promise<string[]> => {
  const keys: string[] = []
  for await (const key of store.keys()) keys.push(key)
  return keys
}

test('what was stored is loaded again, each time as a new object, and the id is nowhere in the store', async () => {
  const { bridge, server } = build()
  const heard = events()
  await bridge.store('an-id', { user: 'ada', cart: [1] })
  const [one, other] = [await bridge.load('an-id'), await bridge.load('an-id')]
  expect(one?.data).toEqual({ user: 'ada', cart: [1] })
  expect(other?.data).not.toBe(one?.data)
  expect(await bridge.load('another')).toBeUndefined()
  expect(heard).toEqual(['created', 'missing'])
  const [key = ''] = await keysOf(server)
  expect(key).toMatch(/^b_[\w-]{43}$/)
})

test('fifty changes of fifty fields in two processes all survive', async () => {
  const { newBridge, bridge } = build()
  await bridge.store('id', { cookie: { path: '/' } })
  const bridges = [bridge, newBridge()]
  const loads = await Promise.all(Array.from({ length: 50 }, (_, i) => (bridges[i % 2] as Bridge).load('id')))
  await Promise.all(
    loads.map((loaded, i) =>
      (bridges[i % 2] as Bridge).store('id', { ...loaded?.data, [`f${i}`]: i }, { base: loaded?.base }),
    ),
  )
  expect(Object.keys((await bridge.load('id'))?.data ?? {})).toHaveLength(51)
})

test('the base moves on: what a first save changed, a second may change back', async () => {
  const { bridge } = build()
  await bridge.store('id', { step: 1 })
  const loaded = await bridge.load('id')
  const { base } = await bridge.store('id', { step: 2 }, { base: loaded?.base })
  await bridge.store('id', { step: 1 }, { base })
  expect((await bridge.load('id'))?.data).toEqual({ step: 1 })
})

describe('a session that ended', () => {
  test('stays so beside a slow request, which is told of no error', async () => {
    const { bridge, newBridge } = build()
    await bridge.store('id', { user: 'ada' })
    const slow = await bridge.load('id')
    await newBridge().destroy('id')
    const { base } = await bridge.store('id', { user: 'ada', seen: 1 }, { base: slow?.base })
    await bridge.store('id', { user: 'ada', seen: 2 }, { base })
    expect(await bridge.load('id')).toBeUndefined()
  })

  test('by its deadline is not made again by a late save', async () => {
    const { bridge, clock, server } = build()
    await bridge.store('id', { user: 'ada' })
    const slow = await bridge.load('id')
    clock.advance(HALF_AN_HOUR)
    await bridge.store('id', { user: 'eve' }, { base: slow?.base })
    expect(await bridge.load('id')).toBeUndefined()
    expect(await server.read((await keysOf(server))[0] as string)).toBeUndefined()
  })

  test('gives its id to no new one: an error with a sentence, and an event', async () => {
    const { bridge } = build()
    const heard = events()
    await bridge.store('device-7', { user: 'ada' })
    await bridge.destroy('device-7')
    const error: unknown = await bridge.store('device-7', { user: 'bob' }).catch((reason: unknown) => reason)
    expect(isSessionGone(error) && error.message).toMatch(/an id of its own \(genid, externalKey\)/)
    expect(heard).toEqual(['created', 'destroyed', 'id-reused'])
    expect(await bridge.load('device-7')).toBeUndefined()
  })

  test('was never stored: a create that is under way loses', async () => {
    const { bridge, newBridge, store } = build()
    let go = () => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    store.fault = { kind: 'delay', until: gate, on: 'write', times: 1 }
    const creating = bridge.store('id', { user: 'ada' })
    await newBridge().destroy('id')
    go()
    await expect(creating).rejects.toMatchObject({ code: 'SESSION_GONE' })
    expect(await bridge.load('id')).toBeUndefined()
  })

  test('has a tombstone for as long as any copy of it may live', async () => {
    const { bridge, server, clock } = build()
    const untilOf = async (id: string) => {
      const hash = bridge.listedName(id).replace('listed:', 'b_')
      const record = await server.read(hash)
      expect(record?.data).toBeNull()
      return (record?.expiresAt ?? 0) - clock.now()
    }
    await bridge.store('short', {})
    await bridge.store('long', {}, { expiresAt: clock.now() + 30 * DAY })
    for (const id of ['short', 'long', 'never']) await bridge.destroy(id)
    expect([await untilOf('short'), await untilOf('long'), await untilOf('never')]).toEqual([
      12 * HOUR,
      30 * DAY,
      12 * HOUR,
    ])
  })
})

describe('without a base', () => {
  test('a live session is replaced as a whole', async () => {
    const { bridge } = build()
    await bridge.store('id', { user: 'ada', cart: [1] })
    await bridge.store('id', { user: 'bob' })
    expect((await bridge.load('id'))?.data).toEqual({ user: 'bob' })
  })

  test('the same data again writes nothing', async () => {
    const { bridge, store } = build()
    await bridge.store('id', { user: 'ada' })
    store.calls.touch = 0
    store.fault = ({ operation, key }) => {
      // The try to create it is refused by what is there.
      expect([operation, key.slice(0, 2)]).not.toEqual(['touch', 'b_'])
      return undefined
    }
    await bridge.store('id', { user: 'ada' })
    expect(store.calls.touch).toBe(0)
  })
})

describe('the deadline', () => {
  test('comes from the caller, slides with use, and stands in its field without counting as a change', async () => {
    const { bridge, clock, store } = build()
    const data = (expires: unknown) => ({ cookie: { expires, originalMaxAge: HOUR } })
    await bridge.store('id', data(new Date(clock.now() + HOUR)), { expiresAt: clock.now() + HOUR })
    const first = await bridge.load('id')
    expect(first?.expiresAt).toBe(clock.now() + HOUR)
    expect(first?.data).toEqual(data(clock.now() + HOUR))
    store.calls.write = 0
    clock.advance(HOUR / 2)
    await bridge.store('id', data(new Date(clock.now() + HOUR)), { base: first?.base, expiresAt: clock.now() + HOUR })
    expect(store.calls).toMatchObject({ write: 0, touch: 1 })
    const second = await bridge.load('id')
    expect((second?.expiresAt ?? 0) - clock.now()).toBeGreaterThan(0.9 * HOUR - 1)
    expect(second?.data).toEqual(data(second?.expiresAt))
    clock.advance(HOUR)
    expect(await bridge.load('id')).toBeUndefined()
  })

  test('without one it is idle; absolute counts only when it was given', async () => {
    const hours = async (engineOptions: Partial<SessionOptions<object>>) => {
      const { bridge, clock } = build({}, engineOptions)
      await bridge.store('id', {})
      let lived = 0
      for (let loaded = await bridge.load('id'); loaded && lived < 40; loaded = await bridge.load('id')) {
        await bridge.store('id', loaded.data, { base: loaded.base })
        clock.advance(HOUR / 4)
        lived += 0.25
      }
      return lived
    }
    expect(await hours({})).toBe(40)
    expect(await hours({ absolute: '12h' })).toBe(12)
    expect(await hours({ idle: '15m' })).toBe(0.25)
  })

  test('moves once per tenth of the idle time, however many requests come', async () => {
    const { bridge, clock, store } = build()
    await bridge.store('id', { user: 'ada' })
    for (const ms of [HALF_AN_HOUR / 20, HALF_AN_HOUR / 20]) {
      clock.advance(ms)
      await bridge.touch('id')
    }
    expect(store.calls.touch).toBe(0)
    clock.advance(HALF_AN_HOUR / 10)
    for (let request = 0; request < 20; request++) {
      const loaded = await bridge.load('id')
      await bridge.store('id', loaded?.data ?? {}, { base: loaded?.base })
    }
    expect(store.calls.touch).toBe(1)
  })

  test('another length is stored although the data is the same; a past one ends the session', async () => {
    const { bridge, clock } = build()
    await bridge.store('id', { user: 'ada' })
    const loaded = await bridge.load('id')
    const { base } = await bridge.store('id', { user: 'ada' }, { base: loaded?.base, expiresAt: clock.now() + DAY })
    expect((await bridge.load('id'))?.expiresAt).toBe(clock.now() + DAY)
    await bridge.store('id', { user: 'ada' }, { base, expiresAt: clock.now() })
    expect(await bridge.load('id')).toBeUndefined()
  })

  test('moves by a touch, with a base or without, and no touch makes a session', async () => {
    const { bridge, clock, store } = build()
    await bridge.store('id', { user: 'ada' })
    const loaded = await bridge.load('id')
    store.calls.write = 0
    for (const options of [{ base: loaded?.base }, {}]) {
      clock.advance(HALF_AN_HOUR / 2)
      await bridge.touch('id', options)
      expect(((await bridge.load('id'))?.expiresAt ?? 0) - clock.now()).toBeGreaterThan(0.89 * HALF_AN_HOUR)
    }
    await bridge.touch('id', { expiresAt: clock.now() + DAY })
    expect((await bridge.load('id'))?.expiresAt).toBe(clock.now() + DAY)
    await bridge.touch('another')
    expect(await bridge.load('another')).toBeUndefined()
    expect(store.calls).toMatchObject({ write: 1, touch: 2 })
  })

  test('that is no number is an error', async () => {
    const { bridge } = build()
    await expect(bridge.store('id', {}, { expiresAt: NaN })).rejects.toThrow('is NaN. Give ms since the epoch.')
  })
})

describe('a list', () => {
  test('has names by which sessions are loaded, changed and ended', async () => {
    const { bridge } = build()
    await bridge.store('an-id', { user: 'ada' })
    await bridge.destroy('another')
    const names: string[] = []
    for await (const name of bridge.list()) names.push(name)
    expect(names.sort()).toEqual([bridge.listedName('an-id'), bridge.listedName('another')].sort())
    expect(names.map(isListed)).toEqual([true, true])
    expect(isListed('an-id')).toBe(false)

    const name = bridge.listedName('an-id')
    const loaded = await bridge.load(name)
    expect(loaded?.data).toEqual({ user: 'ada' })
    await bridge.store(name, { user: 'ada', banned: true }, { base: loaded?.base })
    expect((await bridge.load('an-id'))?.data).toEqual({ user: 'ada', banned: true })
    await bridge.destroy(name)
    expect(await bridge.load('an-id')).toBeUndefined()
    await bridge.store(name, { user: 'eve' })
    expect(await bridge.load('an-id')).toBeUndefined()
  })

  test('needs a store that can', async () => {
    const { read, write, touch, close } = memoryStore()
    const { bridge } = build({}, { store: { name: 'blind', read, write, touch, close } })
    await expect(bridge.list()[Symbol.asyncIterator]().next()).rejects.toThrow('blind: this store cannot list its keys')
  })
})

describe('a store that is adopted', () => {
  const old = (entries: Record<string, AdoptedSession>) => {
    const left = new Map(Object.entries(entries))
    const asked: string[] = []
    return {
      left,
      asked,
      get: async (id: string) => {
        asked.push(id)
        return left.get(id)
      },
      destroy: async (id: string) => void left.delete(id),
    }
  }

  test('is asked once; the session goes on with its deadline', async () => {
    const adopt = old({ id: { data: { user: 'ada' }, expiresAt: Date.now() + DAY } })
    const { bridge, clock } = build({ adopt })
    const heard = events()
    const loaded = await bridge.load('id')
    expect(loaded?.data).toEqual({ user: 'ada' })
    expect(Math.abs((loaded?.expiresAt ?? 0) - clock.now() - DAY)).toBeLessThan(1_000)
    await bridge.store('id', { user: 'ada', seen: 1 }, { base: loaded?.base })
    expect((await bridge.load('id'))?.data).toEqual({ user: 'ada', seen: 1 })
    expect(adopt.asked).toEqual(['id'])
    expect(heard).toEqual(['adopted'])
  })

  test('gives one and the same session to twenty requests at once', async () => {
    const { bridge, newBridge } = build({ adopt: old({ id: { data: { user: 'ada' } } }) })
    const bridges = [bridge, newBridge(), newBridge()]
    const loads = await Promise.all(Array.from({ length: 20 }, (_, i) => (bridges[i % 3] as Bridge).load('id')))
    await Promise.all(
      loads.map((loaded, i) =>
        (bridges[i % 3] as Bridge).store('id', { ...loaded?.data, [`f${i}`]: 1 }, { base: loaded?.base }),
      ),
    )
    expect(Object.keys((await bridge.load('id'))?.data ?? {})).toHaveLength(21)
  })

  test('lets a request in that another one overtakes while it looks whether it was adopted', async () => {
    const { bridge, newBridge, store } = build({ adopt: old({ id: { data: { user: 'ada' } } }) })
    let go = () => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    let held = 0
    store.fault = ({ key, operation }) =>
      operation === 'read' && key.startsWith('a_') && held++ === 0 ? { kind: 'delay', until: gate } : undefined
    const overtaken = bridge.load('id')
    await vi.waitFor(() => expect(held).toBe(1))
    await newBridge().load('id')
    go()
    expect((await overtaken)?.data).toEqual({ user: 'ada' })
  })

  test.each(['get', 'write'])('loses the session that is destroyed while its %s is under way', async (held) => {
    const adopt = old({ id: { data: { user: 'ada' } } })
    const { bridge, newBridge, store } = build({ adopt })
    let [go, reached] = [() => {}, () => {}]
    const gate = new Promise<void>((resolve) => (go = resolve))
    const atGate = new Promise<void>((resolve) => (reached = resolve))
    const { get } = adopt
    adopt.get = async (id) => {
      const found = await get(id)
      reached()
      if (held === 'get') await gate
      else store.fault = { kind: 'delay', until: gate, on: 'write', times: 1 }
      return found
    }
    const adopting = bridge.load('id')
    await atGate
    if (held === 'write') await vi.waitFor(() => expect(store.calls.write).toBe(1))
    await newBridge().destroy('id')
    go()
    expect(await adopting).toBeUndefined()
    expect(await bridge.load('id')).toBeUndefined()
    expect(adopt.left.size).toBe(0)
  })

  test('does not bring back what has expired, or was ended by its listed name', async () => {
    const adopt = old({ expires: { data: {} }, ends: { data: {} } })
    const { bridge, clock } = build({ adopt })
    await bridge.load('expires')
    await bridge.load('ends')
    await bridge.destroy(bridge.listedName('ends'))
    clock.advance(HALF_AN_HOUR)
    expect([await bridge.load('expires'), await bridge.load('ends')]).toEqual([undefined, undefined])
    expect(adopt.left.size).toBe(2)
  })

  test('is not asked for a listed name, nor for what is over there', async () => {
    const adopt = old({ over: { data: {}, expiresAt: Date.now() - 1 } })
    const { bridge } = build({ adopt })
    expect(await bridge.load(bridge.listedName('over'))).toBeUndefined()
    expect(adopt.asked).toEqual([])
    expect(await bridge.load('over')).toBeUndefined()
  })

  test('is away: that is no logout but an error with a status', async () => {
    const { bridge } = build({
      adopt: { get: () => Promise.reject(new Error('no connection')), destroy: () => Promise.reject(new Error('no')) },
    })
    const refused = { code: 'STORE_UNAVAILABLE', status: 503, headers: { 'Retry-After': '1' } }
    await expect(bridge.load('id')).rejects.toMatchObject(refused)
    await expect(bridge.destroy('id')).rejects.toMatchObject(refused)
  })

  test('hangs: the answer comes all the same', async () => {
    const { bridge } = build({ adopt: { get: () => new Promise(() => {}), destroy: () => new Promise(() => {}) } })
    await expect(bridge.load('id')).rejects.toMatchObject({ status: 503 })
  })
})

test('a store that is away: every call is an error with a status, a touch alone is not', async () => {
  const { bridge, clock, store } = build()
  const heard = events()
  await bridge.store('id', { user: 'ada' })
  const loaded = await bridge.load('id')
  clock.advance(HALF_AN_HOUR / 2)
  store.fault = { kind: 'throw' }
  const refused = { code: 'STORE_UNAVAILABLE', status: 503, headers: { 'Retry-After': '1' } }
  await bridge.store('id', loaded?.data ?? {}, { base: loaded?.base })
  await expect(bridge.load('id')).rejects.toMatchObject(refused)
  await expect(bridge.store('id', { user: 'eve' }, { base: loaded?.base })).rejects.toMatchObject(refused)
  await expect(bridge.store('new', {})).rejects.toMatchObject(refused)
  await expect(bridge.destroy('id')).rejects.toMatchObject(refused)
  expect(heard).toEqual(['created', 'touch-failed', 'commit-failed', 'commit-failed', 'commit-failed'])
})

test('data that JSON cannot encode, and what is no session, are errors that name it', async () => {
  const { bridge } = build()
  await expect(bridge.store('id', { total: 1n })).rejects.toMatchObject({
    code: 'SESSION_NOT_JSON',
    message: expect.stringContaining('"total"'),
  })
  await expect(bridge.store('', {})).rejects.toThrow("the id of a session is ''")
  await expect(bridge.store('id', null as unknown as object)).rejects.toThrow('a session is null')
  expect(() => createBridge({})).toThrow('Give what createSessions() returned')
  expect(() => createBridge(createEngine({ secret: 's'.repeat(32) }), { adapt: 1 } as object)).toThrow('adapt')
})
