import { setTimeout as sleep } from 'node:timers/promises'
import type { Victim } from '../faults/column.js'
import { redisStandby } from '../faults/columns/standby.js'
import type { Load } from '../faults/load.js'
import type { Visitor } from '../faults/visitor.js'
import type { Scene } from './soak.js'

const APPS = 3
const EACH_MS = 10_000
const FAULTS_A_MINUTE = 6
const MAX_STALE_MS = 200

interface Fault {
  readonly name: string
  begin(victim: Victim): void | Promise<void>
  end(victim: Victim): void | Promise<void>
}

const heal = (victim: Victim): Promise<void> => victim.link.heal()

/** What takes nothing away strikes one server or both at once. */
const PASSING: readonly Fault[] = [
  { name: 'stands still', begin: (victim) => victim.pause(), end: (victim) => victim.resume() },
  { name: 'is cut off in silence', begin: ({ link }) => link.drop(), end: heal },
  { name: 'refuses connections', begin: ({ link }) => (link.refuse(), link.reset()), end: heal },
  { name: 'answers 100 ms late', begin: ({ link }) => link.delay(50), end: heal },
  { name: 'answers after the deadline', begin: ({ link }) => link.delay(200), end: heal },
  { name: 'takes no more, as it is full', begin: (victim) => victim.refuse?.(), end: (victim) => victim.makeRoom?.() },
]

/** What is on one server alone would be lost. */
const OF_ONE: readonly Fault[] = [
  { name: 'is killed', begin: (victim) => victim.kill(), end: (victim) => victim.restart({ empty: false }) },
  {
    name: 'is killed and comes back empty',
    begin: (victim) => victim.kill(),
    end: (victim) => victim.restart({ empty: true }),
  },
  {
    name: 'throws sessions away, as it is full',
    begin: (victim) => victim.evict?.(),
    end: (victim) => victim.makeRoom?.(),
  },
]

/**
 * Three apps with a near cache, on Redis with Redis as its standby. Each 10 s a random fault strikes one of both, or both,
 * for 1 to 4 s. The next one waits until what the last one left on one server is on both, as one fault at a time is what a
 * standby is good for.
 */
export async function standbyScene(seed: number, say: (line: string) => void): Promise<Scene> {
  const target = await redisStandby.start({})
  const victims = await target.victims()
  const random = randomOf(seed)
  const one = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
  const gone = new Set<Visitor>()

  const strike = async (load: Load): Promise<void> => {
    const struck = one([...victims.map((victim) => [victim]), victims])
    const fault = one(struck.length > 1 ? PASSING : [...PASSING, ...OF_ONE])
    const ms = 1_000 + Math.floor(random() * 3_000)
    say(
      `  ${struck.length > 1 ? 'each of both' : victims.indexOf(struck[0] as Victim) === 0 ? 'the primary' : 'the standby'} ${fault.name}, for ${ms} ms`,
    )
    for (const victim of struck) await fault.begin(victim)
    await sleep(ms)
    for (const victim of struck) await fault.end(victim)
    await load.allServed()
    const leaving = load.visitors.filter((visitor) => visitor.login === 'out' && !gone.has(visitor))
    await load.allStored(target, leaving)
    for (const visitor of leaving) gone.add(visitor)
  }

  return {
    apps: APPS,
    settings: { ...target.options, nearCache: { maxStaleMs: MAX_STALE_MS } },
    async minute(load) {
      const startedAt = performance.now()
      for (let fault = 1; fault <= FAULTS_A_MINUTE; fault++) {
        await strike(load)
        await sleep(Math.max(0, startedAt + fault * EACH_MS - performance.now()))
      }
    },
    stop: () => target.stop(),
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
