import { describe, expect, test } from 'vitest'
import type { Column, Target, Victim } from '../faults/column.js'
import { memcached3 } from '../faults/columns/memcached-3.js'
import { redisMemcached, redisStandby } from '../faults/columns/standby.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import type { AppServer } from './app-server.js'
import { named } from './stores.js'
import { changeAll, logIn, LOGINS, MAY_TAKE_MS, troubles, using, type Login, type Site } from './struck-site.js'

const hasRedis = (await requireServer('redis-server')) !== undefined
const hasMemcached = (await requireServer('memcached')) !== undefined
const kinds: readonly Column[] = [
  ...(hasMemcached ? [memcached3] : []),
  ...(hasRedis ? [redisStandby] : []),
  ...(hasRedis && hasMemcached ? [redisMemcached] : []),
]

/** What was acknowledged lies on two servers, or on this one, once it was used. */
async function untilCopied({ busy, logins }: Site, held: (id: string) => ReturnType<Target['stored']>): Promise<void> {
  for (const login of logins)
    await until('a session that was used is where it belongs', async () => {
      for (const app of busy) await login.shows(app)
      const data = Object(await held(login.id)) as object
      return Object.keys(login.acknowledged).every((field) => field in data)
    })
}

describe.skipIf(kinds.length === 0).each(named(kinds))('G5 one server may die, on %s', (_, kind) => {
  const { target, site } = using(kind)

  test.each(named(troubles))(
    '%s: nothing acknowledged is lost, nobody is logged out, and an app server that was idle sees all',
    async (_, trouble) => {
      const { busy, idle, logins } = await site()
      for (const victim of await target().victims()) {
        await trouble.strike(victim)
        try {
          for (let round = 0; round < 5; round++) await changeAll({ busy, idle, logins })
        } finally {
          await trouble.undo(victim)
        }
        for (const login of logins) {
          expect(await login.shows(idle)).toEqual(expect.objectContaining(login.acknowledged))
          for (const app of busy) expect(await login.shows(app)).toEqual(expect.objectContaining(login.acknowledged))
        }
        await untilCopied({ busy, idle, logins }, (id) => target().stored(id))
      }
    },
    60_000,
  )
})

describe.skipIf(kinds.length === 0).each(named(kinds))('G7 a server that is away, on %s', (_, kind) => {
  const { target, site } = using(kind)

  test.each(named(troubles))(
    '%s: requests are served without it, each in time',
    async (_, trouble) => {
      const { busy, idle, logins } = await site()
      for (const victim of await target().victims()) {
        await trouble.strike(victim)
        try {
          for (let round = 0; round < 5; round++) await changeAll({ busy, idle, logins })
        } finally {
          await trouble.undo(victim)
        }
        await untilCopied({ busy, idle, logins }, (id) => target().stored(id))
      }
      for (const { worstMs } of logins) expect(worstMs).toBeLessThan(MAY_TAKE_MS)
    },
    60_000,
  )
})

describe.skipIf(kinds.length === 0).each(named(kinds))('G8 the standby takes over, on %s', (_, kind) => {
  const { target, site } = using(kind)

  /** With those of the logins that the server has. */
  async function struck(all: Site): Promise<{ victim: Victim; own: readonly Login[] }> {
    const [victim] = (await target().victims()) as [Victim]
    const held = await Promise.all(all.logins.map(({ id }) => victim.stored(id)))
    return { victim, own: all.logins.filter((_, i) => held[i] !== undefined) }
  }

  test('sessions go on and users log in while a server is dead; it gets what it missed when it is back', async () => {
    const all = await site()
    const { victim, own } = await struck(all)
    await victim.kill()
    await changeAll(all)
    const [app] = all.busy as [AppServer]
    const late: Login[] = []
    for (let i = 0; i < LOGINS; i++) await until('a login is stored', async () => late.push(await logIn(app)) > 0)
    await changeAll({ ...all, logins: late })
    await victim.restart({ empty: true })
    for (const login of [...all.logins, ...late])
      expect(await login.shows(all.idle)).toEqual(expect.objectContaining(login.acknowledged))
    await untilCopied({ ...all, logins: own }, (id) => victim.stored(id))
    await untilCopied({ ...all, logins: late }, (id) => target().stored(id))
  }, 60_000)

  test('who logs out while a server is away stays logged out when it is back with its old data', async () => {
    const all = await site()
    const { victim, own } = await struck(all)
    await (victim.saves ? victim.kill() : victim.pause())
    for (const login of all.logins)
      await until(
        'a logout is stored',
        async () => (await login.get(all.busy[0] as AppServer, '/logout')).status === 200,
      )
    await (victim.saves ? victim.restart({ empty: false }) : victim.resume())
    for (const { id } of own) expect(await victim.stored(id)).toMatchObject({ userId: 'ada' })
    for (const app of [all.idle, ...all.busy])
      for (const login of all.logins) expect(await login.shows(app)).toEqual({})
    for (const login of own)
      await until('it is over on that server too', async () => {
        for (const app of all.busy) expect(await login.shows(app)).toEqual({})
        return (await victim.stored(login.id)) === 'destroyed'
      })
  }, 60_000)
})
