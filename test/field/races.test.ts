// FIELD.md L1, L2 and BACKENDS.md M1, M4: what was measured on the libraries of today, and the same requests here.
import { describe, expect, test } from 'vitest'
import { Gate, until } from '../hold/fake-target.js'
import { loggedIn, setups, startSite, type Setup } from '../guarantees/site.js'
import { named } from '../guarantees/stores.js'
import { expressSessionSite, koaSessionSite, type Site } from './them.js'

type Data = Record<string, unknown>
interface Visit {
  readonly session: Data | null
}

/** One set of pages for every library: slow ones have read their session when the gate opens. */
class Scenario {
  readonly gate = new Gate()
  entered = 0

  readonly #slow =
    (work: (session: Data) => void) =>
    async ({ session }: Visit): Promise<void> => {
      const had = Number(session!['n'] ?? 0)
      this.entered++
      await this.gate.passed
      work(session!)
      if ('n' in session!) session!['n'] = had + 1
    }

  readonly pages = {
    login: ({ session }: Visit) => void (session!['userId'] = 'ada'),
    count: ({ session }: Visit) => void (session!['n'] = 0),
    show: () => undefined,
    slowA: this.#slow((session) => void (session['a'] = 1)),
    slowB: this.#slow((session) => void (session['b'] = 1)),
    slowRead: this.#slow(() => undefined),
    set: ({ session }: Visit) => void (session!['set'] = 1),
  }

  waiting(requests: number): Promise<void> {
    return until(() => this.entered === requests)
  }
}

/** A browser of a library's users: all the fields that its session has. */
interface Client {
  get(path: string): Promise<unknown>
  data(): Promise<Data>
}

const client = (site: Site): Client => ({
  get: (path) => site.get(path),
  async data() {
    const { page } = JSON.parse((await site.get('/show')).body) as { page: Data }
    const { cookie: _cookie, ...data } = page
    return data
  },
})

const logout = { logout: ({ session }: { session: Data }) => destroyed(session) }
const destroyed = (session: Data): Promise<unknown> =>
  new Promise((resolve) => (session['destroy'] as (done: (error: unknown) => void) => void).call(session, resolve))

async function expressClient(scenario: Scenario, resave = false): Promise<Client> {
  const pages = { ...scenario.pages, logout: logout.logout as (visit: Visit) => unknown }
  return client(await expressSessionSite(pages, { resave }))
}

async function koaClient(scenario: Scenario): Promise<Client> {
  const leave = (visit: { session: Data | null }): void => void (visit.session = null)
  return client(await koaSessionSite({ ...scenario.pages, logout: leave }))
}

async function holdfastClient(scenario: Scenario, setup: Setup): Promise<Client> {
  const site = await startSite(setup, {
    ...scenario.pages,
    logout: ({ session }) => session.destroy(),
    show: ({ session }) => ({ ...session }),
  })
  const cookie = await loggedIn(site, {})
  return {
    get: (path) => site.get(path, { cookie }),
    data: async () => (await site.get('/show', { cookie })).page<Data>(),
  }
}

async function overlappingChanges(scenario: Scenario, { get, data }: Client): Promise<Data> {
  await get('/login')
  const both = [get('/slowA'), get('/slowB')]
  await scenario.waiting(2)
  scenario.gate.open()
  await Promise.all(both)
  return await data()
}

async function readerOverWrite(scenario: Scenario, { get, data }: Client): Promise<Data> {
  await get('/login')
  const reader = get('/slowRead')
  await scenario.waiting(1)
  await get('/set')
  scenario.gate.open()
  await reader
  return await data()
}

async function logoutBesideSlowRequest(scenario: Scenario, { get, data }: Client): Promise<Data> {
  await get('/login')
  const slow = get('/slowA')
  await scenario.waiting(1)
  await get('/logout')
  scenario.gate.open()
  await slow
  return await data()
}

/** Each request counts; two of three set another field as well. */
async function counting(scenario: Scenario, { get, data }: Client): Promise<Data> {
  await get('/login')
  await get('/count')
  const all = Array.from({ length: 100 }, (_, i) => get(['/slowA', '/slowB', '/slowRead'][i % 3]!))
  await scenario.waiting(100)
  scenario.gate.open()
  await Promise.all(all)
  return await data()
}

describe('L1: two requests overlap and set different fields', () => {
  test.each([
    ['express-session', expressClient],
    ['koa-session', koaClient],
  ])('%s loses one of them', async (_, open) => {
    const scenario = new Scenario()
    const data = await overlappingChanges(scenario, await open(scenario))
    expect(Object.keys(data).filter((field) => field === 'a' || field === 'b')).toHaveLength(1)
  })

  test.each(named(setups))('Holdfast keeps both: %s', async (_, setup) => {
    const scenario = new Scenario()
    const data = await overlappingChanges(scenario, await holdfastClient(scenario, setup))
    expect(data).toEqual({ userId: 'ada', a: 1, b: 1 })
  })
})

describe('L2: a slow request that only reads overlaps a change', () => {
  test('express-session, with resave as it is by default, erases the change', async () => {
    const scenario = new Scenario()
    expect(await readerOverWrite(scenario, await expressClient(scenario, true))).toEqual({ userId: 'ada' })
  })

  test.each(named(setups))('Holdfast keeps it: %s', async (_, setup) => {
    const scenario = new Scenario()
    const data = await readerOverWrite(scenario, await holdfastClient(scenario, setup))
    expect(data).toEqual({ userId: 'ada', set: 1 })
  })
})

describe('M1: a logout while a slow request is in flight', () => {
  test.each([
    ['koa-session', koaClient],
    ['express-session', expressClient],
  ])('%s: the session comes back, logged in', async (_, open) => {
    const scenario = new Scenario()
    const data = await logoutBesideSlowRequest(scenario, await open(scenario))
    expect(data).toMatchObject({ userId: 'ada' })
  })

  test.each(named(setups))('Holdfast: it stays destroyed: %s', async (_, setup) => {
    const scenario = new Scenario()
    expect(await logoutBesideSlowRequest(scenario, await holdfastClient(scenario, setup))).toEqual({})
  })
})

describe('M4: 100 requests at once that count with n++', () => {
  test('express-session: one of the values, and of the other fields one at most', async () => {
    const scenario = new Scenario()
    const data = await counting(scenario, await expressClient(scenario))
    expect(data['n']).toBeLessThan(100)
    expect('a' in data && 'b' in data).toBe(false)
  })

  // What is promised is one of the values: n++ in a session is read, then written, here as anywhere.
  test.each(named(setups))('Holdfast: no error, one of the values, and every other field: %s', async (_, setup) => {
    const scenario = new Scenario()
    const { n, ...rest } = await counting(scenario, await holdfastClient(scenario, setup))
    expect(n).toBeGreaterThanOrEqual(1)
    expect(n).toBeLessThanOrEqual(100)
    expect(rest).toEqual({ userId: 'ada', a: 1, b: 1 })
  })
})
