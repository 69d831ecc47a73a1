import type { CreatedSession } from '@holdfast/core'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { race } from './race.js'
import { UNKNOWN_OUTCOMES } from './simulated-store.js'
import { IDLE_MS, type Outcome, outcomeOf, type World } from './world.js'

const USER = 'ann'
const server = fc.nat(1)
const kinds = ['create', 'rotate', 'login', 'bind', 'write', 'destroy all'] as const
const actions = (...possible: readonly (typeof kinds)[number][]) =>
  fc.array(fc.record({ kind: fc.constantFrom(...possible), at: server, of: fc.nat(1) }), { minLength: 1, maxLength: 4 })
type Action = ReturnType<typeof actions> extends fc.Arbitrary<readonly (infer One)[]> ? One : never

/** Two sessions of one user, one of nobody, and what clients were given since. */
class Login {
  readonly world: World
  readonly old: readonly string[]
  readonly anonymous: CreatedSession
  readonly given: string[] = []
  readonly created: Outcome[] = []
  readonly destroyedAll: Outcome[] = []

  static async start(world: World): Promise<Login> {
    const one = await world.server(0).create({ n: 0 }, { userId: USER })
    const two = await world.server(1).create({ n: 1 }, { userId: USER })
    return new Login(world, [one.cookie, two.cookie], await world.server(0).create({}))
  }

  private constructor(world: World, old: readonly string[], anonymous: CreatedSession) {
    this.world = world
    this.old = old
    this.anonymous = anonymous
  }

  async act({ kind, at, of }: Action): Promise<void> {
    const cookie = this.old[of] as string
    switch (kind) {
      case 'create':
        return void this.created.push(
          await outcomeOf(async () => {
            this.given.push((await this.world.server(at).create({}, { userId: USER })).cookie)
          }),
        )
      case 'rotate':
        return this.#keep(this.world.request(at, cookie, (session) => session.rotate()))
      case 'login':
        return this.#keep(
          this.world.request(at, cookie, async (session) => {
            session.rotate()
            await session.bindUser(USER)
          }),
        )
      case 'bind':
        return void (await this.world.update(at, this.anonymous.cookie, async (session) => {
          session['bound'] = true
          await session.bindUser(USER)
        }))
      case 'write':
        return void (await this.world.update(at, cookie, (session) => void (session['f'] = 1)))
      case 'destroy all':
        this.destroyedAll.push(await outcomeOf(async () => void (await this.world.server(at).destroyByUser(USER))))
    }
  }

  async #keep(request: Promise<{ readonly cookie: string | undefined }>): Promise<void> {
    const { cookie } = await request
    if (cookie !== undefined) this.given.push(cookie)
  }

  /** The keys of the live sessions of this user. */
  async bound(): Promise<readonly string[]> {
    const { cookie, id } = this.anonymous
    const isBound = (await this.world.see(cookie))?.['bound'] === true
    return this.world.store.live().filter((key) => isBound || key !== id)
  }

  /** Which of these cookies are still logged in. */
  async alive(cookies: readonly string[]): Promise<string[]> {
    const seen = await Promise.all(cookies.map((cookie) => this.world.see(cookie)))
    return cookies.filter((_, at) => seen[at] !== undefined)
  }
}

describe('destroyByUser', () => {
  race(
    'ends every session that existed, whatever rotates or writes meanwhile',
    { faults: UNKNOWN_OUTCOMES, plan: actions('rotate', 'write', 'destroy all') },
    async (world, planned) => {
      const login = await Login.start(world)
      await world.race(() => planned.map((action) => login.act(action)))
      if (login.destroyedAll.includes('stored')) expect(await login.alive([...login.old, ...login.given])).toEqual([])
    },
  )

  race(
    'misses no session that was begun while it ran: it is over, or the next call ends it',
    { faults: UNKNOWN_OUTCOMES, plan: actions(...kinds) },
    async (world, planned) => {
      const login = await Login.start(world)
      await world.race(() => planned.map((action) => login.act(action)))
      if (login.destroyedAll.includes('stored')) expect(await login.alive(login.old)).toEqual([])
      if (login.destroyedAll.length === 0) expect(login.created).not.toContain('gone')
      const listed = (await world.server(0).listByUser(USER)).map(({ id }) => id)
      expect(new Set(listed)).toEqual(new Set(await login.bound()))
      await world.server(0).destroyByUser(USER)
      expect(await login.bound()).toEqual([])
    },
  )

  race(
    'ends every session again once each was used, after the list of a user was evicted',
    { faults: UNKNOWN_OUTCOMES, plan: fc.record({ planned: actions(...kinds), evictions: fc.nat(2) }) },
    async (world, { planned, evictions }) => {
      const login = await Login.start(world)
      await world.race(() => [
        ...planned.map((action) => login.act(action)),
        ...Array.from({ length: evictions }, () => world.store.evictIndexes()),
      ])
      world.clock.advance(IDLE_MS / 2)
      const cookies = await login.alive([...login.old, ...login.given])
      if ((await login.bound()).includes(login.anonymous.id)) cookies.push(login.anonymous.cookie)
      for (const cookie of cookies) await world.request(0, cookie, () => undefined)
      await world.server(1).destroyByUser(USER)
      expect(await login.alive(cookies)).toEqual([])
    },
  )
})
