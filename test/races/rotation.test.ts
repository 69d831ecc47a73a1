import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { race } from './race.js'
import { UNKNOWN_OUTCOMES } from './simulated-store.js'
import { type Outcome, type World } from './world.js'

const server = fc.nat(1)

/** Rotates the session of `cookie`; the new cookie, or undefined when the client did not get one. */
async function rotate(
  world: World,
  at: number,
  cookie: string,
  field: string,
  user?: string,
): Promise<string | undefined> {
  const { cookie: next } = await world.request(at, cookie, async (session) => {
    session.rotate()
    session[field] = true
    if (user !== undefined) await session.bindUser(user)
  })
  return next
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
      const cookies: string[] = []
      await world.race(() => [
        ...writers.map(async (at, n) => {
          const outcome = await world.update(at, cookie, (session) => void (session[`f${n}`] = n))
          if (outcome === 'stored') stored.push(`f${n}`)
        }),
        ...rotators.map(async (at, n) => {
          const next = await rotate(world, at, cookie, `rotated${n}`)
          if (next !== undefined) cookies.push(next)
          if (next !== undefined) stored.push(`rotated${n}`)
        }),
      ])
      expect(cookies.length).toBeLessThanOrEqual(1)
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
        rotate(world, rotator, cookie, 'rotated', binds ? 'ann' : undefined).then((given) => (next = given)),
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
