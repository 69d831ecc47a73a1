import fc from 'fast-check'
import { expect } from 'vitest'
import { APP_SERVERS, type ReplicatedWorld } from './replicated-world.js'
import { IDLE_MS } from './world.js'

/** Who stays looks, and that is all that anybody does: nothing but the deadline changes. */
export type Step = { readonly at: number; readonly does: 'update' | 'look' | 'stay' | 'log out' | 'take the new list' }

/** One fault of one server, what happens meanwhile, and how it ends. */
export interface Episode {
  readonly server: number
  readonly cutFrom: readonly number[]
  readonly wipe: boolean
  /** Whether each app server looks at the session before the next fault, where it may come earlier. */
  readonly rest: boolean
  readonly steps: readonly Step[]
}

const appServer = fc.nat({ max: APP_SERVERS - 1 })

export const episodesWith = (does: readonly Step['does'][], servers: number): fc.Arbitrary<readonly Episode[]> =>
  fc.array(
    fc.record({
      server: fc.nat({ max: servers - 1 }),
      cutFrom: fc.oneof(fc.constant([0, 1, 2]), fc.subarray([0, 1, 2])),
      wipe: fc.boolean(),
      rest: fc.boolean(),
      steps: fc.array(fc.record({ at: appServer, does: fc.constantFrom(...does) }), { minLength: 2, maxLength: 8 }),
    }),
    { minLength: 1, maxLength: 3 },
  )

/** What the clients of one session know. */
class Clients {
  readonly #world: ReplicatedWorld
  readonly #cookie: string
  /** Fields whose request was answered with success. */
  readonly #acknowledged = new Set<string>()
  #logoutBegan = false
  #loggedOut = false
  #fields = 0

  constructor(world: ReplicatedWorld, cookie: string) {
    this.#world = world
    this.#cookie = cookie
  }

  async take({ at, does }: Step, list: readonly string[]): Promise<void> {
    if (does === 'take the new list') return this.#world.connect(at, list)
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

  /** Once each app server has looked, both copies end at the same time. */
  checkDeadlines(): void {
    expect(new Set(this.#world.deadlines()).size, 'copies that end at different times').toBe(1)
  }

  async checkAll(): Promise<void> {
    for (let at = 0; at < APP_SERVERS; at++) {
      const seen = await this.#world.see(this.#cookie, at)
      if (this.#loggedOut) expect(seen, 'it came back after the logout').toBeUndefined()
      else if (!this.#logoutBegan)
        expect(Object.keys(seen ?? {})).toEqual(expect.arrayContaining([...this.#acknowledged]))
    }
  }
}

/** One store more, and back: by fewer than `copies` at a time. */
const otherList = (list: readonly string[]): readonly string[] =>
  list.includes('d') ? list.filter((name) => name !== 'd') : [...list, 'd']

/**
 * A store that has come back empty says of nothing that it is absent: the other one may go at once. That it is empty as well
 * then, or that the first one has come back with old data, would be two faults; so would be a new list, of which one store
 * more has nothing.
 */
const needsRest = ({ wipe, cutFrom, rest }: Episode, next: Episode | undefined): boolean =>
  rest || !wipe || cutFrom.length < APP_SERVERS || !next || next.wipe || changesList(next)

const changesList = ({ steps }: Episode): boolean => steps.some(({ does }) => does === 'take the new list')

/** All that the clients do, through all episodes. Rejects where a promise is broken. */
export async function live(
  world: ReplicatedWorld,
  names: readonly string[],
  episodes: readonly Episode[],
): Promise<void> {
  let list = names
  const { cookie } = await world.server(0).create({ user: 'ada' })
  const clients = new Clients(world, cookie)
  const isKept = episodes.every(({ steps }) => steps.every(({ does }) => does === 'stay'))
  for (const [at, episode] of episodes.entries()) {
    const { server, cutFrom, wipe, steps } = episode
    const name = names[server] as string
    const changes = changesList(episode)
    const next = changes ? otherList(list) : list
    // A list that changes by one store takes the place of one fault.
    world.cut(name, changes ? [] : cutFrom)
    // Whoever looks now moves the deadline.
    world.clock.advance(IDLE_MS / 5)
    await world.race(() => steps.map((step) => clients.take(step, next)))
    world.heal(name, wipe)
    if (changes) for (let app = 0; app < APP_SERVERS; app++) world.connect(app, next)
    list = next
    if (!changes && !needsRest(episode, episodes[at + 1])) continue
    await clients.checkAll()
    if (names.length === 2 && isKept) clients.checkDeadlines()
  }
  await world.end()
}
