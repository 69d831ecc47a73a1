import type { SessionOptions } from '@holdfast/core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { startAppServer, type AppServer, type Data, type Framework, type Pages } from './app-server.js'
import { calmTime } from './frozen-time.js'
import { memcachedVictims, redisVictims, type Home, type Victim } from './victims.js'
import { SECRET, visit, type Visited } from './site.js'
import { named } from './stores.js'

const pages: Pages = {
  show: ({ session }) => ({ ...session }),
  set: ({ session, query }) => void (session[query.get('field') as string] = true),
  id: ({ session }) => session.id,
}

/** What happens to the server that has the session; app servers connect from 127.0.0.1, servers of its set do not. */
interface Trouble {
  readonly name: string
  strike(home: Home): unknown
  undo(home: Home): unknown
  /** Another server takes over, where there is one. */
  readonly isSeenByOthers?: boolean
  /** Of what is not in a file. */
  readonly losesMemory?: boolean
  /** Requests are answered again though nobody undoes it. */
  readonly passesByItself?: boolean
}

const APPS = { from: '127.0.0.1' }

const troubles: readonly Trouble[] = [
  {
    name: 'slow: each answer is a second late',
    strike: ({ proxy }) => proxy.delay(1_000, { ...APPS, direction: 'toClient' }),
    undo: ({ proxy }) => proxy.heal(),
  },
  {
    name: 'cut off: nothing passes any more',
    strike: ({ proxy }) => proxy.drop(APPS),
    undo: ({ proxy }) => proxy.heal(),
  },
  {
    name: 'cut off: connections break and new ones are refused',
    strike({ proxy }) {
      proxy.refuse()
      proxy.reset(APPS)
    },
    undo: ({ proxy }) => proxy.heal(),
  },
  {
    name: 'half-open connections: the server is gone and nobody said so',
    strike: ({ proxy }) => proxy.drop({ ...APPS, established: true }),
    undo: ({ proxy }) => proxy.heal(),
    passesByItself: true,
  },
  {
    name: 'hung',
    strike: ({ server }) => server.pause(),
    undo: ({ server }) => server.resume(),
    isSeenByOthers: true,
  },
  {
    name: 'killed',
    strike: ({ server }) => server.kill(),
    undo: ({ server }) => server.restart(),
    isSeenByOthers: true,
    losesMemory: true,
  },
]

/** A request has 250 ms for its read and 600 ms for its commit, beside its handler; a busy machine takes its time too. */
const MAY_TAKE_MS = 3 * 850
/** A refusal takes 5 ms; without a breaker it took the 250 ms of a call. */
const REFUSAL_MAY_TAKE_MS = 125

const unavailable = { status: 503, headers: expect.objectContaining({ 'retry-after': '1' }), setCookies: [] }

interface Timed {
  readonly answer: Visited
  readonly ms: number
}

async function timed(app: AppServer, path: string, cookie: string): Promise<Timed> {
  const start = performance.now()
  const answer = await visit(app, path, cookie)
  return { answer, ms: performance.now() - start }
}

/** One session on two app servers: the first rejects requests while the server is away, the second serves them without it. */
class Login {
  readonly #acknowledged: Data = { userId: 'ada' }
  #changes = 0

  constructor(
    readonly rejecting: AppServer,
    readonly ephemeral: AppServer,
    readonly cookie: string,
  ) {}

  show(app: AppServer): Promise<Timed> {
    return timed(app, '/show', this.cookie)
  }

  async change(app: AppServer): Promise<Timed> {
    const field = `field${this.#changes++}`
    const one = await timed(app, `/set?field=${field}`, this.cookie)
    if (one.answer.status === 200 && app === this.rejecting) this.#acknowledged[field] = true
    return one
  }

  /** Both show all that was acknowledged, and more can be changed. */
  async goesOn(): Promise<void> {
    await until('it can be changed', async () => (await this.change(this.rejecting)).answer.status === 200)
    for (const app of [this.rejecting, this.ephemeral]) {
      let shown = ''
      await until('the session is shown', async () => (shown = (await this.show(app)).answer.body).includes('ada'))
      expect((JSON.parse(shown) as { page: Data }).page).toMatchObject(this.#acknowledged)
    }
  }
}

/** As soon as one can be stored. */
async function newLogin(rejecting: AppServer, ephemeral: AppServer): Promise<Login> {
  let cookie = ''
  await until('a login is stored', async () => {
    cookie = (await rejecting.sessions.create({ userId: 'ada' })).cookie
    return true
  })
  return new Login(rejecting, ephemeral, cookie)
}

/** Reads and changes at once: each is answered in time, by the policy. */
async function expectAnswersByPolicy(login: Login): Promise<void> {
  const { rejecting, ephemeral } = login
  const [show, set, showNothing, setNothing] = await Promise.all([
    login.show(rejecting),
    login.change(rejecting),
    login.show(ephemeral),
    login.change(ephemeral),
  ])
  for (const { ms } of [show, set, showNothing, setNothing]) expect(ms).toBeLessThan(MAY_TAKE_MS)
  for (const { answer } of [show, set]) expect(answer).toMatchObject(unavailable)
  expect(showNothing.answer.page()).toEqual({})
  expect(setNothing.answer).toMatchObject({ status: 200, setCookies: [] })
  expect(await visit(rejecting, '/show')).toMatchObject({ status: 200, setCookies: [] })
}

/** Three failures later a refusal takes no time, but for a probe each 500 ms; until another server has taken over. */
async function expectQuickRefusals(login: Login, isOver: (answer: Visited) => boolean): Promise<void> {
  await login.show(login.rejecting)
  const took: number[] = []
  while (took.length < 21) {
    const { answer, ms } = await login.show(login.rejecting)
    if (isOver(answer)) return
    expect(answer).toMatchObject(unavailable)
    took.push(ms)
  }
  expect(took.sort((a, b) => a - b)[10]).toBeLessThan(REFUSAL_MAY_TAKE_MS)
}

const victims = [
  ...((await requireServer('redis-server')) === undefined ? [] : redisVictims),
  ...((await requireServer('memcached')) === undefined ? [] : memcachedVictims),
]

describe.skipIf(victims.length === 0).each(named(victims))('G7 a server that is away, on %s', (_, kind) => {
  let victim: Victim
  beforeAll(async () => {
    victim = await kind.start()
  })
  afterAll(() => victim?.stop())

  const start = async (framework: Framework, options: Partial<SessionOptions<Data>> = {}): Promise<AppServer> => {
    const app = await startAppServer(framework, { secret: SECRET, store: victim.url, ...options }, pages)
    onTestFinished(async () => {
      app.server.close()
      await app.sessions.close()
    })
    await app.sessions.ready()
    return app
  }

  test.each(named(troubles))(
    '%s: answered in time by the policy, and it recovers by itself',
    async (_, trouble) => {
      const [rejecting, ephemeral] = await Promise.all([start('Koa'), start('Express', { onUnavailable: 'ephemeral' })])
      const { cookie } = await rejecting.sessions.create({ userId: 'ada' })
      let login = new Login(rejecting, ephemeral, cookie)
      await login.goesOn()
      const id = (await visit(rejecting, '/id', cookie)).page<string>()

      const home = await victim.homeOf(`sess:${id}`)
      let isUndone = false
      const undo = async (): Promise<void> => {
        if (!isUndone) await trouble.undo(home)
        isUndone = true
      }
      onTestFinished(undo)
      await trouble.strike(home)
      await expectAnswersByPolicy(login)
      const isTakenOver = kind.failsOver && trouble.isSeenByOthers === true
      if (!trouble.passesByItself) await expectQuickRefusals(login, ({ status }) => isTakenOver && status === 200)
      if (!isTakenOver && !trouble.passesByItself) await undo()
      if (kind.forgets && trouble.losesMemory) login = await newLogin(rejecting, ephemeral)
      await login.goesOn()
      await undo()
      await victim.settled()
      await login.goesOn()
    },
    60_000,
  )

  const whereKeysAreSpread = kind.spreadsKeys ? test : () => {}
  whereKeysAreSpread('one of several is slow: only its own sessions are refused, the others go on', async () => {
    calmTime('ms')
    const app = await start('Koa')
    const logins: { readonly cookie: string; readonly home: Home }[] = []
    const isSpread = (): boolean => new Set(logins.map(({ home }) => home.server)).size === 3
    while (!isSpread()) {
      const { cookie } = await app.sessions.create({ userId: 'ada' })
      const id = (await visit(app, '/id', cookie)).page<string>()
      logins.push({ cookie, home: await victim.homeOf(`sess:${id}`) })
    }
    const { home } = logins[0]!
    home.proxy.delay(1_000, { ...APPS, direction: 'toClient' })
    onTestFinished(() => home.proxy.heal())
    for (let i = 0; i < 10; i++) {
      const answers = await Promise.all(
        logins.map(async (login) => ({
          isSlow: login.home.server === home.server,
          ...(await timed(app, '/show', login.cookie)),
        })),
      )
      for (const { isSlow, answer } of answers) {
        if (isSlow) expect(answer).toMatchObject(unavailable)
        else expect(answer.page()).toEqual({ userId: 'ada' })
      }
    }
  })
})
