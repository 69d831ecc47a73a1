import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { race } from './race.js'
import { UNKNOWN_OUTCOMES } from './simulated-store.js'
import { type Outcome, type World } from './world.js'

const server = fc.nat(1)

interface Rotated {
  readonly outcome: Outcome
  /** The new cookie, where the client got one. */
  readonly cookie: string | undefined
}

async function rotate(world: World, at: number, cookie: string, field: string, user?: string): Promise<Rotated> {
  const answer = await world.request(at, cookie, async (session) => {
    session.rotate()
    session[field] = true
    if (user !== undefined) await session.bindUser(user)
  })
  // A commit that finds its session ended is no error, but gives no cookie.
  return answer.outcome === 'stored' && answer.cookie === undefined ? { ...answer, outcome: 'gone' } : answer
}

describe('a session that gets a new id', () => {
  race(
    'takes along what other requests had stored under the old one',
    {
      faults: UNKNOWN_OUTCOMES,
      plan: fc.record({
        writers: fc.array(server, { minLength: 1, maxLength: 4 }),
        rotators: fc.array(server, { minLength: 1, maxLength: 2 }),
      }),
    },
    async (world, { writers, rotators }) => {
      const { cookie } = await world.server(0).create({ login: 'ann' })
      const stored: string[] = ['login']
      const rotated: Rotated[] = []
      await world.race(() => [
        ...writers.map(async (at, n) => {
          const outcome = await world.update(at, cookie, (session) => void (session[`f${n}`] = n))
          if (outcome === 'stored') stored.push(`f${n}`)
        }),
        ...rotators.map(async (at, n) => {
          const result = await rotate(world, at, cookie, `rotated${n}`)
          rotated.push(result)
          if (result.cookie !== undefined) stored.push(`rotated${n}`)
        }),
      ])
      const cookies = rotated.flatMap(({ cookie }) => cookie ?? [])
      expect(cookies.length).toBeLessThanOrEqual(1)
      expect(rotated.some(({ outcome }) => outcome !== 'gone')).toBe(true)
      if (cookies[0] === undefined) return
      expect(await world.see(cookie)).toBeUndefined()
      expect(Object.keys((await world.see(cookies[0])) ?? {})).toEqual(expect.arrayContaining(stored))
    },
  )

  race(
    'is over under both ids when a logout came first, and goes on under the new one when it came later',
    { faults: UNKNOWN_OUTCOMES, plan: fc.record({ rotator: server, destroyer: server, binds: fc.boolean() }) },
    async (world, { rotator, destroyer, binds }) => {
      const { cookie, id } = await world.server(0).create({ login: 'ann' })
      const ended: Outcome[] = []
      let next: string | undefined
      await world.race(() => [
        world.update(destroyer, cookie, (session) => session.destroy()).then((outcome) => ended.push(outcome)),
        rotate(world, rotator, cookie, 'rotated', binds ? 'ann' : undefined).then((given) => (next = given.cookie)),
      ])
      const first = world.store.applied.find(({ key, record }) => key === id && record.data === null)
      if (ended[0] === 'stored' || next !== undefined) expect(await world.see(cookie)).toBeUndefined()
      if (first?.condition === 'newer' && !binds) expect(next).toBeUndefined()
      if (next !== undefined) expect(await world.see(next)).toEqual({ login: 'ann', rotated: true })
    },
  )

  race(
    'leaves nothing alive in the store when a logout came first',
    { faults: [], plan: fc.record({ rotator: server, destroyer: server, writer: server }) },
    async (world, { rotator, destroyer, writer }) => {
      const { cookie, id } = await world.server(0).create({ login: 'ann' })
      await world.race(() => [
        world.update(destroyer, cookie, (session) => session.destroy()),
        world.update(writer, cookie, (session) => void (session['f'] = 1)),
        rotate(world, rotator, cookie, 'rotated'),
      ])
      const first = world.store.applied.find(({ key, record }) => key === id && record.data === null)
      const alive = world.store.live()
      expect(alive.length).toBe(first?.condition === 'newer' ? 0 : 1)
      expect(alive).not.toContain(id)
    },
  )
})
