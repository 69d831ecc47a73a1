import type { SessionRecord } from '@holdfast/core'
import fc from 'fast-check'
import { describe, expect } from 'vitest'
import { race } from './race.js'
import { UNKNOWN_OUTCOMES } from './simulated-store.js'
import { IDLE_MS, type Outcome } from './world.js'

describe('writes of many requests to one session', () => {
  const server = fc.nat(1)

  race(
    'all survive when each sets a field of its own',
    { faults: [], plan: fc.array(server, { minLength: 2, maxLength: 6 }) },
    async (world, servers) => {
      const { cookie } = await world.server(0).create({ login: 'ann' })
      const outcomes: Outcome[] = []
      await world.race(() =>
        servers.map(async (at, n) =>
          outcomes.push(await world.update(at, cookie, (session) => void (session[`f${n}`] = n))),
        ),
      )
      expect(outcomes).toEqual(servers.map(() => 'stored'))
      const fields = Object.fromEntries(servers.map((_, n) => [`f${n}`, n]))
      expect(await world.see(cookie)).toEqual({ login: 'ann', ...fields })
    },
  )

  race(
    'survive replies that are lost and writes that arrive late: what was acknowledged is never taken back',
    { faults: UNKNOWN_OUTCOMES, plan: fc.array(server, { minLength: 2, maxLength: 4 }) },
    async (world, servers) => {
      const { cookie } = await world.server(0).create({ login: 'ann' })
      const acknowledged = servers.map(() => 0)
      const steps = 3
      await world.race(() =>
        servers.map(async (at, n) => {
          for (let step = 1; step <= steps; step++) {
            const outcome = await world.update(at, cookie, (session) => {
              if (step === 2) delete session[`f${n}`]
              else session[`f${n}`] = step
            })
            expect(outcome).not.toBe('gone')
            if (outcome === 'stored') acknowledged[n] = step
          }
        }),
      )
      const seen = (await world.see(cookie)) ?? {}
      expect(seen['login']).toBe('ann')
      for (const [n, step] of acknowledged.entries()) {
        const found = seen[`f${n}`]
        // Without the field, either nothing was stored yet or step 2 was.
        if (found === undefined) expect(step).toBeLessThanOrEqual(2)
        else expect(found).toBeGreaterThanOrEqual(step)
      }
    },
  )

  race(
    'take effect once: a request whose reply was lost does not write again over one that came after it',
    { faults: ['lost reply', 'ghost'], plan: fc.array(server, { minLength: 2, maxLength: 3 }) },
    async (world, servers) => {
      const { cookie } = await world.server(0).create({ last: 'nobody' })
      await world.race(() =>
        servers.map(async (at, n) => {
          for (const value of [`${n}a`, `${n}b`])
            await world.update(at, cookie, (session) => void (session['last'] = value))
        }),
      )
      const values = world.store.applied.map(({ record }) => /"last":"(\w+)"/.exec(record.data ?? '')?.[1])
      const turns = values.filter((value, at) => value !== values[at - 1])
      expect(turns).toEqual([...new Set(turns)])
    },
  )

  race(
    'are not taken back by a reader that moves the deadline, and the deadline never goes back',
    { faults: UNKNOWN_OUTCOMES, plan: fc.array(fc.tuple(server, fc.boolean()), { minLength: 2, maxLength: 6 }) },
    async (world, requests) => {
      const { cookie, id } = await world.server(0).create({ login: 'ann' })
      world.clock.advance(IDLE_MS / 2)
      const before = (await world.store.read(id))?.expiresAt as number
      const due = world.clock.now() + IDLE_MS
      const expected: Record<string, unknown> = { login: 'ann' }
      let moved = false
      await world.race(() =>
        requests.map(async ([at, writes], n) => {
          if (!writes) return void (await world.request(at, cookie, (session) => void session['login']))
          const outcome = await world.update(at, cookie, (session) => void (session[`f${n}`] = n))
          if (outcome !== 'stored') return
          expected[`f${n}`] = n
          moved = true
        }),
      )
      expect(await world.see(cookie)).toMatchObject(expected)
      const record = await world.store.read(id)
      expect(record?.expiresAt).toBeGreaterThanOrEqual(moved ? due : before)
      expect(record?.expiresAt).toBeLessThanOrEqual(due)
    },
  )

  race(
    'give back what the store lost, where a request that had read it stores something',
    { faults: [], plan: fc.array(server, { minLength: 1, maxLength: 4 }) },
    async (world, servers) => {
      const { cookie, id } = await world.server(0).create({ login: 'ann' })
      const older = await world.store.read(id)
      await world.update(0, cookie, (session) => void (session['acknowledged'] = true))
      const readers: string[] = []
      await world.race(() => [
        world.store.loseWrites(id, older as SessionRecord),
        ...servers.map(async (at, n) => {
          const outcome = await world.update(at, cookie, (session) => {
            if (session['acknowledged']) readers.push(`f${n}`)
            session[`f${n}`] = n
          })
          expect(outcome).toBe('stored')
        }),
      ])
      const stored = world.store.applied.map(({ record }) => record.data ?? '').join()
      if (readers.some((field) => stored.includes(`"${field}":`)))
        expect(await world.see(cookie)).toMatchObject({ login: 'ann', acknowledged: true })
    },
  )

  race(
    'never bring a session back that was destroyed',
    { faults: UNKNOWN_OUTCOMES, plan: fc.array(fc.tuple(server, fc.constantFrom('write', 'read')), { maxLength: 4 }) },
    async (world, requests) => {
      const { cookie } = await world.server(0).create({ login: 'ann' })
      world.clock.advance(IDLE_MS / 2)
      const ended: Outcome[] = []
      await world.race(() => [
        world.update(0, cookie, (session) => session.destroy()).then((outcome) => ended.push(outcome)),
        ...requests.map(([at, kind], n) =>
          kind === 'write'
            ? world.update(at, cookie, (session) => void (session[`f${n}`] = n))
            : world.request(at, cookie, () => undefined),
        ),
      ])
      if (ended[0] === 'stored') expect(await world.see(cookie)).toBeUndefined()
    },
  )
})
