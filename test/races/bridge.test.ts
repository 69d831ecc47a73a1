import { type Bridge, createBridge, type SessionRecord } from '@holdfast/core'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { createRecord, createTombstone } from '@holdfast/conformance'
import { race } from './race.js'
import { UNKNOWN_OUTCOMES } from './simulated-store.js'
import { type Outcome, outcomeOf, type World } from './world.js'

/** Where that library had its session: behind the same network, under a key of its own. */
const OLD = 'the-old-record-of-the-session'
const SERVERS = [0, 1]
/** The servers have caches, which outlive a world. */
let worlds = 0

interface Site {
  readonly id: string
  readonly bridge: Bridge
}

/** Two servers that adopt one session of an old store. */
async function adopting(world: World): Promise<readonly Site[]> {
  const id = `an id of world ${worlds++}`
  const far = world.clock.now() * 1_000
  await world.store.write(OLD, createRecord({ data: '{"user":"ada"}', expiresAt: far }), 'absent')
  world.store.applied.length = 0
  const adopt = {
    async get() {
      const record = await world.store.read(OLD)
      return typeof record?.data === 'string' ? { data: JSON.parse(record.data) as object } : undefined
    },
    async destroy() {
      await world.store.write(OLD, createTombstone({ expiresAt: far }), 'newer')
    },
  }
  return SERVERS.map((at) => ({ id, bridge: createBridge(world.server(at), { adopt }) }))
}

/** What stands there, past every cache. */
async function stored(world: World, { bridge, id }: Site): Promise<SessionRecord | undefined> {
  return world.store.read(bridge.listedName(id).replace('listed:', 'b_'))
}
const dataOf = (record: SessionRecord | undefined): unknown => JSON.parse(record?.data?.split('\n')[1] ?? 'null')

/** A request: it loads the session and stores a field of its own. */
const setField = ({ bridge, id }: Site, field: string): Promise<Outcome | 'logged out'> => {
  let isIn = true
  return outcomeOf(async () => {
    const loaded = await bridge.load(id)
    isIn = loaded !== undefined
    if (loaded) await bridge.store(id, { ...loaded.data, [field]: 1 }, { base: loaded.base })
  }).then((outcome) => (outcome === 'stored' && !isIn ? 'logged out' : outcome))
}

const share = 0.2
const servers = fc.array(fc.nat(SERVERS.length - 1), { minLength: 2, maxLength: 5 })
const siteAt = (sites: readonly Site[], at: number): Site => sites[at] as Site

describe('a session that is adopted by several requests at once', () => {
  race('is one session, and all their changes survive', { faults: [], plan: servers, share }, async (world, plan) => {
    const sites = await adopting(world)
    const outcomes: unknown[] = []
    await world.race(() => plan.map(async (at, n) => outcomes.push(await setField(siteAt(sites, at), `f${n}`))))
    expect(outcomes).toEqual(plan.map(() => 'stored'))
    const fields = Object.fromEntries(plan.map((_, n) => [`f${n}`, 1]))
    expect(dataOf(await stored(world, siteAt(sites, 0)))).toEqual({ user: 'ada', ...fields })
    const first = world.store.applied.filter(({ condition }) => condition === 'absent')
    expect(first).toHaveLength(1)
  })

  race(
    'keeps every acknowledged change although calls fail, and nobody is logged out',
    { faults: UNKNOWN_OUTCOMES, plan: servers, share },
    async (world, plan) => {
      const sites = await adopting(world)
      const acknowledged: string[] = []
      await world.race(() =>
        plan.map(async (at, n) => {
          const outcome = await setField(siteAt(sites, at), `f${n}`)
          expect(outcome).toMatch(/stored|failed/)
          if (outcome === 'stored') acknowledged.push(`f${n}`)
        }),
      )
      const { bridge, id } = siteAt(sites, 0)
      const loaded = await bridge.load(id)
      expect(loaded?.data).toMatchObject({ user: 'ada' })
      if (acknowledged.length > 0) {
        const data = dataOf(await stored(world, siteAt(sites, 0)))
        expect(data).toMatchObject(Object.fromEntries(acknowledged.map((field) => [field, 1])))
      }
    },
  )

  race(
    'is ended by an acknowledged logout beside them, for good and in the old store too',
    { faults: UNKNOWN_OUTCOMES, plan: servers, share },
    async (world, plan) => {
      const sites = await adopting(world)
      const { bridge, id } = siteAt(sites, 0)
      let logout = 'failed' as Outcome
      await world.race(() => [
        ...plan.map((at, n) => setField(siteAt(sites, at), `f${n}`)),
        outcomeOf(() => bridge.destroy(id)).then((outcome) => void (logout = outcome)),
      ])
      if (logout !== 'stored') return
      expect((await stored(world, siteAt(sites, 0)))?.data).toBeNull()
      expect((await world.store.read(OLD))?.data).toBeNull()
      await setField(siteAt(sites, 1), 'later')
      expect((await stored(world, siteAt(sites, 0)))?.data).toBeNull()
    },
  )
})
