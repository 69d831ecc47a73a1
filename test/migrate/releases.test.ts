import {
  createEngine,
  migrate,
  migrationStatus,
  type MigrationPhase,
  type SessionStore,
  StoreUnavailableError,
} from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { expect, onTestFinished, test } from 'vitest'
import { requestWith } from '../races/request-with.js'
import { until } from '../servers/until.js'

const SECRET = 'a secret of at least thirty-two bytes'
const ABSOLUTE = '1h'

/** A store that lists no keys: nothing but time says that all that is in it is over. It can be away. */
function unlisted(): SessionStore & { isAway: boolean } {
  const memory = memoryStore()
  const store = {
    ...{ name: 'unlisted', guarded: true, isAway: false },
    read: async (...call: Parameters<SessionStore['read']>) => there().read(...call),
    write: async (...call: Parameters<SessionStore['write']>) => there().write(...call),
    touch: async (...call: Parameters<SessionStore['touch']>) => there().touch(...call),
    close: () => memory.close(),
  }
  const there = (): SessionStore => {
    if (store.isAway) throw new StoreUnavailableError('unlisted: it is away.')
    return memory
  }
  return store
}

/** A site whose releases say the phase. */
function site() {
  const [from, to] = [unlisted(), unlisted()]
  const release = (phase: MigrationPhase) => {
    const store = migrate({ from, to, phase, absolute: ABSOLUTE, lookEvery: '50ms' })
    const engine = createEngine<{ n: number }>({ secret: SECRET, store })
    const stop = async (): Promise<void> => {
      await engine.close()
      await store.release()
    }
    onTestFinished(stop)
    return { engine, store, stop, ready: () => store.ready!() }
  }
  /** One release follows the other. */
  const deploy = async (...phases: readonly MigrationPhase[]) => {
    let last: ReturnType<typeof release> | undefined
    for (const phase of phases) {
      const next = release(phase)
      await until(`${phase} is ready`, async () => {
        await next.ready()
        return true
      })
      await last?.stop()
      last = next
      await until(`all are in ${phase}`, async () => {
        const status = await migrationStatus(to)
        return status.phase === phase && status.nodes.every(({ phases }) => phases.join() === phase)
      })
    }
    return last as ReturnType<typeof release>
  }
  return { from, to, release, deploy }
}

test('two releases side by side do not move the phase to and fro; the last one that goes back moves it', async () => {
  const { to, deploy, release } = site()
  const old = await deploy('off')
  const fresh = release('shadow')
  await fresh.ready()
  const { since } = await migrationStatus(to)
  const seen = async () => (await migrationStatus(to)).nodes.map(({ lastSeenAt }) => lastSeenAt).sort()
  const [before = 0] = (await seen()).slice(-1)
  // Each has looked several times.
  await until('both have shown more signs of life', async () => (await seen()).every((at) => at > before + 200))
  expect(await migrationStatus(to)).toMatchObject({ phase: 'shadow', since })
  await fresh.stop()
  await until('it is moved back', async () => (await migrationStatus(to)).phase === 'off')
  expect(old.store.status().phase).toBe('off')
})

test('a release that says done too early is not ready, says why, and nobody is logged out', async () => {
  const { deploy, release } = site()
  const first = await deploy('off')
  const { cookie } = await first.engine.create({ n: 1 })
  await first.stop()
  const draining = await deploy('shadow', 'switch', 'drain')
  const early = release('done')
  await expect(early.ready()).rejects.toThrow(
    /some sessions may still be in `from` alone, .* from 'drain' to 'done' yet/,
  )
  await expect(early.engine.read(requestWith(cookie))).rejects.toThrow('in `from` alone')
  expect(await draining.engine.read(requestWith(cookie))).toMatchObject({ n: 1 })
})

test('a release that goes back to shadow, while the new store alone has some sessions, is not ready', async () => {
  const { deploy, release } = site()
  const draining = await deploy('off', 'shadow', 'switch', 'drain')
  const { cookie } = await draining.engine.create({ n: 1 })
  await draining.stop()
  const back = await deploy('switch')
  const early = release('shadow')
  await expect(early.ready()).rejects.toThrow(/some sessions may still be in `to` alone/)
  await expect(early.engine.read(requestWith(cookie))).rejects.toThrow('in `to` alone')
  expect(await back.engine.read(requestWith(cookie))).toMatchObject({ n: 1 })
})

test('in switch the new store may go away for good: the release from before the migration has all', async () => {
  const { from, to, deploy } = site()
  const { engine } = await deploy('off', 'shadow', 'switch')
  const { cookie, id } = await engine.create({ n: 1 }, { userId: 'ada' })
  const { cookie: over } = await engine.create({ n: 2 })
  await engine.update(requestWith(over), (session) => session.destroy())
  to.isAway = true
  await expect(engine.update(requestWith(cookie), (session) => void (session.n = 3))).rejects.toThrow(
    StoreUnavailableError,
  )
  const before = createEngine<{ n: number }>({ secret: SECRET, store: from })
  onTestFinished(() => before.close())
  expect(await before.read(requestWith(cookie))).toMatchObject({ id, n: 1 })
  expect(await before.listByUser('ada')).toHaveLength(1)
  expect(await before.read(requestWith(over))).toBeUndefined()
})
