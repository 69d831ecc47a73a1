import { createEngine, migrate, migrationStatus, type MigrationPhase, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { expect, onTestFinished, test } from 'vitest'
import { requestWith } from '../races/request-with.js'
import { until } from '../servers/until.js'

const ABSOLUTE = '1h'

/** A store that lists no keys: nothing but time says that all that is in it is over. */
function unlisted(): SessionStore {
  const memory = memoryStore()
  return {
    ...{ name: 'unlisted', guarded: true },
    read: (key, options) => memory.read(key, options),
    write: (key, record, condition, options) => memory.write(key, record, condition, options),
    touch: (key, record, expiresAt, options) => memory.touch(key, record, expiresAt, options),
    close: () => memory.close(),
  }
}

/** A site whose releases say the phase. */
function site() {
  const [from, to] = [unlisted(), unlisted()]
  const release = (phase: MigrationPhase) => {
    const store = migrate({ from, to, phase, absolute: ABSOLUTE, lookEvery: '50ms' })
    const engine = createEngine<{ n: number }>({ secret: 'a secret of at least thirty-two bytes', store })
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
  return { to, release, deploy }
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
