import fc from 'fast-check'
import { expect } from 'vitest'
import { APP_SERVERS, type MigratingWorld } from './migrating-world.js'

export interface Step {
  readonly at: number
  readonly does: 'update' | 'look' | 'log out' | 'restart'
}

/** One move, while clients go on; a store may be cut off from some app servers meanwhile. */
export interface Episode {
  readonly move: 1 | -1 | 0
  readonly cut: { readonly name: 'from' | 'to'; readonly appServers: readonly number[] } | undefined
  /** Before the next move: all have followed, and each looks at the session; or nobody does; or not even that. */
  readonly end: 'look' | 'follow' | 'none'
  /** So long after the move, in ms, the steps begin. */
  readonly after: number
  readonly steps: readonly Step[]
}

const appServer = fc.nat({ max: APP_SERVERS - 1 })

/** So many phases are behind them when the session begins. */
export interface Plan {
  readonly lead: number
  /** Whether the stores list their keys: if not, nothing is swept, and what needs a sweep is refused. */
  readonly lists: boolean
  readonly episodes: readonly Episode[]
}

export const planOf = (does: readonly Step['does'][]): fc.Arbitrary<Plan> =>
  fc.record({ lead: fc.nat({ max: 3 }), lists: fc.boolean(), episodes: episodesOf(does) })

const episodesOf = (does: readonly Step['does'][]): fc.Arbitrary<readonly Episode[]> =>
  fc.array(
    fc.record({
      move: fc.constantFrom(1, 1, 1, -1, 0),
      cut: fc.option(fc.record({ name: fc.constantFrom('from', 'to'), appServers: fc.subarray([0, 1, 2]) }), {
        nil: undefined,
      }),
      end: fc.constantFrom('look', 'follow', 'follow', 'none'),
      after: fc.constantFrom(0, 0, 500, 1_500, 4_000),
      steps: fc.array(fc.record({ at: appServer, does: fc.constantFrom(...does) }), { maxLength: 8 }),
    }),
    { minLength: 1, maxLength: 7 },
  ) as fc.Arbitrary<readonly Episode[]>

/** What the clients of one session know. */
class Clients {
  readonly #world: MigratingWorld
  readonly #cookie: string
  readonly #lists: boolean
  readonly #acknowledged = new Set<string>()
  #logoutBegan = false
  #loggedOut = false
  #fields = 0

  constructor(world: MigratingWorld, cookie: string, lists: boolean) {
    this.#world = world
    this.#cookie = cookie
    this.#lists = lists
  }

  async take({ at, does }: Step): Promise<void> {
    if (does === 'restart') return this.#world.start(at, this.#lists)
    const [mustSee, mustBeGone] = [[...this.#acknowledged], this.#loggedOut]
    if (does === 'log out') {
      this.#logoutBegan = true
      const outcome = await this.#world.update(at, this.#cookie, (session) => session.destroy())
      if (outcome === 'stored') this.#loggedOut = true
      return
    }
    const field = `f${this.#fields++}`
    let seen: object | undefined
    const outcome = await this.#world.update(at, this.#cookie, (session) => {
      seen = { ...session }
      if (does === 'update') session[field] = 1
    })
    if (seen) {
      expect(mustBeGone, 'a session that was logged out was read').toBe(false)
      expect(Object.keys(seen), 'a stale read').toEqual(expect.arrayContaining(mustSee))
    }
    if (outcome === 'gone') expect(this.#logoutBegan, 'a session is gone that nobody ended').toBe(true)
    if (outcome === 'stored' && does === 'update') this.#acknowledged.add(field)
  }

  async checkAll(): Promise<void> {
    for (let at = 0; at < APP_SERVERS; at++) {
      const seen = await this.#world.see(this.#cookie, at)
      if (this.#loggedOut) expect(seen, 'it came back after the logout').toBeUndefined()
      else if (!this.#logoutBegan)
        expect(Object.keys(seen ?? {}), 'a lost field').toEqual(expect.arrayContaining([...this.#acknowledged]))
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** All that happens in one migration, in one race: the time of a world is that of its race. */
export async function migrateAlive(world: MigratingWorld, { lead, lists, episodes }: Plan): Promise<void> {
  const life = async (): Promise<void> => {
    for (let at = 0; at < APP_SERVERS; at++) {
      world.start(at, lists)
      await pause(300)
    }
    await world.follow()
    for (let moves = 0; moves < lead; moves++) {
      await world.move(1)
      await world.follow()
    }
    const { cookie } = await world.server(0).create({ user: 'ada' })
    const clients = new Clients(world, cookie, lists)
    for (const { move, cut, end, after, steps } of episodes) {
      if (cut) world.cut(cut.name, cut.appServers)
      const moving = move === 0 ? undefined : world.move(move)
      if (after > 0) await pause(after)
      await Promise.all(steps.map((step) => clients.take(step)))
      await moving
      world.heal()
      if (end !== 'none') await world.follow()
      if (end === 'look') await clients.checkAll()
    }
    await world.follow()
    await clients.checkAll()
  }
  await world.race(() => [life().finally(() => world.end())])
}
