import type { SessionOptions } from '@holdfast/core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { CLIENTS, type Column, type Target, type Victim } from '../faults/column.js'
import { until } from '../servers/until.js'
import { startAppServer, type AppServer, type Data, type Framework, type Pages } from './app-server.js'
import { SECRET, visit, type Visited } from './site.js'

const pages: Pages = {
  show: ({ session }) => ({ ...session }),
  set: ({ session, query }) => void (session[query.get('field') as string] = true),
  id: ({ session }) => session.id,
  logout: ({ session }) => session.destroy(),
}

/** What happens to a server. */
export interface Trouble {
  readonly name: string
  strike(victim: Victim): unknown
  undo(victim: Victim): unknown
}

export const troubles: readonly Trouble[] = [
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
export const MAY_TAKE_MS = 3 * 850
export const LOGINS = 6
/** Some servers start slowly where all cores are busy. */
const START_MS = 150_000

/** One user, each of whose requests goes to the app server that is given. */
export class Login {
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

  /** Sets a field that it had not. */
  async change(app: AppServer): Promise<Visited> {
    const field = `field${this.#changes++}`
    const answer = await this.get(app, `/set?field=${field}`)
    if (answer.status === 200) this.acknowledged[field] = true
    return answer
  }

  /** On a busy machine an answer may be late; then the next one serves. */
  async isChanged(app: AppServer): Promise<void> {
    await until('a change is stored', async () => (await this.change(app)).status === 200)
  }

  async shows(app: AppServer): Promise<Data> {
    let answer = await this.get(app, '/show')
    while (answer.status === 503) answer = await this.get(app, '/show')
    return answer.page<Data>()
  }
}

/** The servers of a kind, and three app servers for each test, with so many users. */
export function using(kind: Column, count = LOGINS): { target(): Target; site(): Promise<Site> } {
  let target: Target
  beforeAll(async () => {
    target = await kind.start({})
  }, START_MS)
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
      const logins = await Promise.all(Array.from({ length: count }, () => logIn(koa)))
      return { busy: [koa, express], idle, logins }
    },
  }
}

export interface Site {
  readonly busy: readonly AppServer[]
  /** Asked nothing while a server is away. */
  readonly idle: AppServer
  readonly logins: readonly Login[]
}

export async function logIn(app: AppServer): Promise<Login> {
  const { cookie } = await app.sessions.create({ userId: 'ada' })
  let shown: Visited | undefined
  await until('its id is shown', async () => (shown = await visit(app, '/id', cookie)).status === 200)
  return new Login((shown as Visited).page<string>(), cookie)
}

/** Each login changes on each server, until all was stored once more. */
export const changeAll = ({ busy, logins }: Site): Promise<unknown> =>
  Promise.all(logins.flatMap((login) => busy.map((app) => login.isChanged(app))))
