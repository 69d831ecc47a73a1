import type { SessionOptions } from '@holdfast/core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { CLIENTS, type Column, type Target, type Victim } from '../faults/column.js'
import { memcached3 } from '../faults/columns/memcached-3.js'
import { redisMemcached, redisStandby } from '../faults/columns/standby.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { startAppServer, type AppServer, type Data, type Framework, type Pages } from './app-server.js'
import { SECRET, visit, type Visited } from './site.js'
import { named } from './stores.js'

const pages: Pages = {
  show: ({ session }) => ({ ...session }),
  set: ({ session, query }) => void (session[query.get('field') as string] = true),
  id: ({ session }) => session.id,
  logout: ({ session }) => session.destroy(),
}

interface Trouble {
  readonly name: string
  strike(victim: Victim): unknown
  undo(victim: Victim): unknown
}

const troubles: readonly Trouble[] = [
  { name: 'killed, and empty when it is back', strike: (victim) => victim.kill(), undo: restartEmpty },
  { name: 'hung', strike: (victim) => victim.pause(), undo: (victim) => victim.resume() },
  {
    name: 'slow: each answer is a second late',
    strike: ({ link }) => link.delay(1_000, { direction: 'toClient', from: CLIENTS }),
    undo: ({ link }) => link.heal(),
  },
  {
    name: 'cut off: nothing passes any more',
    strike: ({ link }) => link.drop({ from: CLIENTS }),
    undo: ({ link }) => link.heal(),
  },
  {
    name: 'cut off: connections break and new ones are refused',
    strike({ link }) {
      link.refuse()
      link.reset({ from: CLIENTS })
    },
    undo: ({ link }) => link.heal(),
  },
]

function restartEmpty(victim: Victim): Promise<void> {
  return victim.restart({ empty: true })
}

/** A request has 250 ms for its read and 600 ms for its commit, beside its handler; a busy machine takes its time too. */
const MAY_TAKE_MS = 3 * 850
const LOGINS = 6

/** One user, each of whose requests goes to the app server that is given. */
class Login {
  readonly acknowledged: Data = { userId: 'ada' }
  worstMs = 0
  #changes = 0

  constructor(
    readonly id: string,
    readonly cookie: string,
  ) {}

  async get(app: AppServer, path: string): Promise<Visited> {
    const startedAt = performance.now()
    const answer = await visit(app, path, this.cookie)
    this.worstMs = Math.max(this.worstMs, performance.now() - startedAt)
    return answer
  }

  /** Says whether it is stored. */
  async change(app: AppServer): Promise<boolean> {
    const field = `field${this.#changes++}`
    const { status } = await this.get(app, `/set?field=${field}`)
    if (status === 200) this.acknowledged[field] = true
    return status === 200
  }

  /** On a busy machine an answer may be late; then the next one serves. */
  async isChanged(app: AppServer): Promise<void> {
    await until('a change is stored', () => this.change(app))
  }

  async shows(app: AppServer): Promise<Data> {
    let answer = await this.get(app, '/show')
    while (answer.status === 503) answer = await this.get(app, '/show')
    return answer.page<Data>()
  }
}

const hasRedis = (await requireServer('redis-server')) !== undefined
const hasMemcached = (await requireServer('memcached')) !== undefined
const kinds: readonly Column[] = [
  ...(hasMemcached ? [memcached3] : []),
  ...(hasRedis ? [redisStandby] : []),
  ...(hasRedis && hasMemcached ? [redisMemcached] : []),
]

/** The servers of a kind, and three app servers for each test. */
function using(kind: Column): { target(): Target; site(): Promise<Site> } {
  let target: Target
  beforeAll(async () => {
    target = await kind.start({})
  })
  afterAll(() => target?.stop())
  const start = async (framework: Framework): Promise<AppServer> => {
    const options: SessionOptions<Data> = { secret: SECRET, ...target.options }
    const app = await startAppServer(framework, options, pages)
    onTestFinished(async () => {
      app.server.close()
      await app.sessions.close()
    })
    await app.sessions.ready()
    return app
  }
  return {
    target: () => target,
    async site() {
      const [koa, express, idle] = await Promise.all([start('Koa'), start('Express'), start('Koa')])
      const logins = await Promise.all(Array.from({ length: LOGINS }, () => logIn(koa)))
      return { busy: [koa, express], idle, logins }
    },
  }
}

interface Site {
  readonly busy: readonly AppServer[]
  /** Asked nothing while a server is away. */
  readonly idle: AppServer
  readonly logins: readonly Login[]
}

async function logIn(app: AppServer): Promise<Login> {
  const { cookie } = await app.sessions.create({ userId: 'ada' })
  return new Login((await visit(app, '/id', cookie)).page<string>(), cookie)
}

/** Each login changes on each server, until all was stored once more. */
const changeAll = ({ busy, logins }: Site): Promise<unknown> =>
  Promise.all(logins.flatMap((login) => busy.map((app) => login.isChanged(app))))

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
