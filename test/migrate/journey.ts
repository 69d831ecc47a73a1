import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { MigrationStatus } from '@holdfast/core'
import type { Asked } from '../faults/health-checks.js'
import { hadOneCopy, type Strike } from '../faults/load-row.js'
import { Load } from '../faults/load.js'
import { Visitor } from '../faults/visitor.js'
import { until } from '../servers/until.js'
import { keptOf, type Kept } from '../soak/kept.js'
import { startMovingFleet, type MovingApp, type MovingFleet } from './fleet.js'
import { cannotList, isAlone, nameOf, type Pair, type Phase } from './pairs.js'

/** Every phase, and from each of them one step back. `stall`: over `switch` to `drain`, and one process misses both. */
const STEPS: readonly (Phase | 'stall')[] = [
  ...(['shadow', 'off', 'shadow', 'switch', 'shadow', 'stall'] as const),
  ...(['switch', 'drain', 'done', 'drain', 'done'] as const),
]
/** In so many of the steps a process is killed. `npm run soak -- migrate`: in each. */
const KILLS = Number(process.env['HOLDFAST_MIGRATE_KILLS'] ?? 3)
const SECRET = 'a secret for the test of moves, long enough'
const VISITORS = 4
const SLEEPERS = 3
const PAUSE_MS = 150
const MOST_PAUSE_MS = 300

/** What became of the sessions of one pair. */
export interface Moved extends Kept {
  /** Those that nobody asked for from the first phase on, until the move was done. */
  readonly asleep: Kept
  /** Users whose list has another number of sessions than one. */
  readonly unlisted: number
  readonly requests: number
  readonly failed: Readonly<Record<string, number>>
  /** Sessions of which one peer alone had acknowledged a write, as it said, before one was killed; they count nowhere else. */
  readonly unsure: number
}

export interface Journey {
  readonly moved: ReadonlyMap<string, Moved>
  readonly rejections: readonly string[]
  readonly events: Readonly<Record<string, number>>
}

/**
 * Moves the sessions of all pairs at once, under load. Three app servers are deployed one by one in each next phase; in some
 * steps one of them is killed at a random moment instead, and started again, and once one stands still. What is in the memory of one process moves in
 * that process, which stays.
 */
export async function journey(pairs: readonly Pair[], say: (line: string) => void = () => {}): Promise<Journey> {
  const fleet = await startMovingFleet(pairs, SECRET, 'off')
  try {
    const travellers = await Promise.all(pairs.map((pair) => Traveller.start(pair, fleet)))
    const strikes: Strike[] = []
    const bad = new Set(shuffled([...STEPS.keys()].filter((i) => STEPS[i] !== 'stall')).slice(0, KILLS))
    for (const [i, phase] of STEPS.entries()) {
      const startedAt = performance.now()
      if (phase === 'done') await Promise.all(travellers.map((one) => one.allCome()))
      if (phase === 'stall') await stall(fleet)
      else await step(fleet, phase, bad.has(i) ? strikes : undefined)
      await Promise.all(travellers.map((one) => one.allServed()))
      say(`${phase}: ${Math.round(performance.now() - startedAt)} ms`)
    }
    await Promise.all(travellers.map((one) => one.stop()))
    await fleet.settled()
    const moved = await Promise.all(
      travellers.map(async (one) => [nameOf(one.pair), await one.moved(strikes)] as const),
    )
    const reports = await Promise.all(fleet.all.map((app) => app.tell<AppReport>('/report')))
    const events: Record<string, number> = {}
    for (const report of reports)
      for (const [type, count] of Object.entries(report.events)) events[type] = (events[type] ?? 0) + count
    return { moved: new Map(moved), rejections: reports.flatMap(({ rejections }) => rejections), events }
  } finally {
    await fleet.stop()
  }
}

interface AppReport {
  readonly events: Readonly<Record<string, number>>
  readonly rejections: readonly string[]
}

/** By the name of a pair. */
type Statuses = Readonly<Record<string, MigrationStatus>>

/** `strikes`: one process is killed, which is noted there. */
async function step(fleet: MovingFleet, phase: Phase, strikes: Strike[] | undefined): Promise<void> {
  const { shared, settled } = fleet
  const order = shuffled(shared)
  const victim = strikes && order[randomInt(order.length)]
  if (strikes) await settled()
  const copiedAt = Date.now()
  for (const app of order) {
    if (app !== victim) {
      await app.tell(`/deploy?phase=${phase}`)
      continue
    }
    await sleep(randomInt(MOST_PAUSE_MS))
    strikes?.push({ copiedAt, at: Date.now() })
    await app.kill()
    await app.restart(phase)
    await settled()
  }
  await allIn(fleet, phase)
}

/** One process stands still while the others go on by two phases, and requests wait in it. Then it goes on as if nothing had been. */
async function stall(fleet: MovingFleet): Promise<void> {
  const [stalled, ...others] = shuffled(fleet.shared) as [MovingApp, ...MovingApp[]]
  await stalled.pause()
  for (const phase of ['switch', 'drain'] as const) {
    for (const app of others) await until(`${phase} is deployed`, () => app.tell<boolean>(`/deploy?phase=${phase}`))
    await allIn(fleet, phase, others[0])
  }
  stalled.resume()
  await until('it is deployed too', () => stalled.tell<boolean>('/deploy?phase=drain'))
  await fleet.settled()
  await allIn(fleet, 'drain')
}

/** Resolves when all processes work in this phase; whoever follows the record is moved there. */
async function allIn({ shared, alone }: MovingFleet, phase: Phase, asked = shared[0] as MovingApp): Promise<void> {
  await until(`it may be moved to ${phase}`, async () => alone.tell(`/move?phase=${phase}`))
  await until(`all work in ${phase}`, async () => {
    const [three, one] = [asked, alone].map((app) => app.tell<Statuses>('/status'))
    const behind = Object.entries({ ...(await three), ...(await one) }).filter(([, status]) => !isIn(status, phase))
    if (behind.length > 0) throw new Error(JSON.stringify(Object.fromEntries(behind)))
    return true
  })
}

const isIn = (status: MigrationStatus, phase: Phase): boolean =>
  status.phase === phase && status.nodes.every(({ phases }) => phases.every((one) => one === phase))

function shuffled<T>(all: readonly T[]): T[] {
  const left = [...all]
  return all.map(() => left.splice(randomInt(left.length), 1)[0] as T)
}

/** Who uses the sessions of one pair. */
class Traveller {
  readonly pair: Pair
  readonly #owners: readonly MovingApp[]
  readonly #apps: readonly Asked[]
  readonly #load: Load
  /** Each with some changes; every other one has logged out. */
  readonly #sleepers: readonly Visitor[]

  private constructor(pair: Pair, owners: readonly MovingApp[], load: Load, sleepers: readonly Visitor[]) {
    this.pair = pair
    this.#owners = owners
    this.#apps = owners.map((app) => app.on(pair))
    this.#load = load
    this.#sleepers = sleepers
  }

  static async start(pair: Pair, { shared, alone }: MovingFleet): Promise<Traveller> {
    const owners = isAlone(pair) ? [alone] : shared
    const apps = owners.map((app) => app.on(pair))
    const sleepers = Array.from({ length: 2 * SLEEPERS }, () => new Visitor())
    for (const [i, sleeper] of sleepers.entries()) {
      await sleeper.logIn(apps[0] as Asked)
      for (const app of apps) await sleeper.change(app)
      if (i % 2 > 0) await sleeper.logOut(apps[0] as Asked)
    }
    try {
      const load = await Load.start({ apps, visitors: VISITORS, workers: 2, pauseMs: PAUSE_MS })
      return new Traveller(pair, owners, load, sleepers)
    } catch (cause) {
      throw new Error(
        `Nobody is served on ${nameOf(pair)}. Its apps printed:\n${owners.map((app) => app.printed().slice(0, 3_000)).join('\n')}`,
        { cause },
      )
    }
  }

  allServed(): Promise<void> {
    return this.#load.allServed()
  }

  /**
   * A store that lists no keys is not swept: before the move is done, all that is in it has to be over, `absolute` later. Here
   * it is moved out instead, for each session and each list of users is asked for once.
   */
  async allCome(): Promise<void> {
    if (!cannotList(this.pair.from)) return
    const asked = this.#apps[0] as Asked
    for (const visitor of [...this.#load.visitors, ...this.#sleepers])
      await until('a visitor is served', async () => {
        if (visitor.login === 'unknown') return true
        const answers = [await visitor.look(asked), await asked.get(`/listed?user=${visitor.id}`)]
        return answers.every(({ status }) => status === 200 || status === 401)
      })
  }

  stop(): Promise<void> {
    return this.#load.stop()
  }

  async moved(strikes: readonly Strike[]): Promise<Moved> {
    const degraded = this.#owners.map((app) => app.degraded())
    const isSure = ({ id }: Visitor): boolean => !degraded.some((times) => hadOneCopy(times.get(id), strikes))
    const [all, asleep] = [this.#load.visitors, this.#sleepers].map((visitors) => visitors.filter(isSure)) as [
      Visitor[],
      Visitor[],
    ]
    return {
      ...(await keptOf(all, this.#apps)),
      asleep: await keptOf(asleep, this.#apps),
      unlisted: await this.#unlisted([...all, ...asleep]),
      requests: this.#load.requests,
      failed: this.#load.failed(all),
      unsure: this.#load.visitors.length + this.#sleepers.length - all.length - asleep.length,
    }
  }

  async #unlisted(visitors: readonly Visitor[]): Promise<number> {
    let unlisted = 0
    for (const { login, id } of visitors.filter(({ login }) => login !== 'unknown')) {
      const { body } = await (this.#apps[0] as Asked).get(`/listed?user=${id}`)
      if (body !== (login === 'in' ? '1' : '0')) unlisted++
    }
    return unlisted
  }
}
