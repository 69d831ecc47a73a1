import { isSessionGone, isStoreUnavailable } from '@holdfast/core'
import { describe, expect, test } from 'vitest'
import { IDLE_MS, listen, MAX_STALE_MS, startSite } from './nodes.js'

const reads = ({ stores }: ReturnType<typeof startSite>) => stores[0].calls.read + stores[1].calls.read

describe('what a server has read', () => {
  test('is not read again within maxStaleMs: 100 requests, one read', async () => {
    const site = startSite()
    const [one, two] = site.servers
    const { cookie } = await one.sessions.create({ user: 'ada' })
    await Promise.all([one.sessions.ready(), two.sessions.ready()])
    const before = reads(site)
    for (let n = 0; n < 100; n++) await two.request(cookie)
    expect(reads(site) - before).toBe(1)
  })

  test('goes on being answered while the store is away, until maxStaleMs is over', async () => {
    const { servers, stores, pass } = startSite()
    const { cookie } = await servers[0].sessions.create({ user: 'ada' })
    stores[0].fault = { kind: 'throw' }
    pass(MAX_STALE_MS)
    expect(await servers[0].see(cookie)).toEqual({ user: 'ada' })
    pass(1)
    await expect(servers[0].see(cookie)).rejects.toSatisfy(isStoreUnavailable)
  })

  test('ends at its deadline all the same', async () => {
    const { servers, pass } = startSite({ idle: 300, nearCache: { maxStaleMs: 60_000 } })
    const { cookie } = await servers[0].sessions.create({ user: 'ada' })
    pass(299)
    expect(await servers[0].see(cookie)).toEqual({ user: 'ada' })
    pass(1)
    expect(await servers[0].see(cookie)).toBeUndefined()
  })
})

describe('what another server does', () => {
  test('is seen within maxStaleMs: a change', async () => {
    const { servers, pass } = startSite()
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ n: 1 })
    await two.see(cookie)
    pass(100)
    await one.change(cookie, (session) => void (session['n'] = 2))
    expect(await one.see(cookie)).toEqual({ n: 2 })
    pass(MAX_STALE_MS - 100)
    expect(await two.see(cookie)).toEqual({ n: 1 })
    pass(1)
    expect(await two.see(cookie)).toEqual({ n: 2 })
  })

  test.each(['a logout', 'a new id'])('is seen within maxStaleMs: %s', async (what) => {
    const { servers, pass } = startSite()
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ user: 'ada' })
    await two.see(cookie)
    await one.request(cookie, (session) => (what === 'a logout' ? session.destroy() : session.rotate()))
    expect(await one.see(cookie)).toBeUndefined()
    pass(MAX_STALE_MS)
    expect(await two.see(cookie)).toEqual({ user: 'ada' })
    pass(1)
    expect(await two.see(cookie)).toBeUndefined()
  })

  test('is seen at once by reload()', async () => {
    const { servers } = startSite()
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ n: 1 })
    await two.see(cookie)
    await one.change(cookie, (session) => void (session['n'] = 2))
    await two.request(cookie, async (session) => {
      expect(session['n']).toBe(1)
      await session.reload()
      expect(session['n']).toBe(2)
    })
    expect(await two.see(cookie)).toEqual({ n: 2 })
    await one.request(cookie, (session) => session.destroy())
    await two.request(cookie, async (session) => {
      await expect(session.reload()).rejects.toSatisfy(isSessionGone)
    })
  })

  test('is seen at once by listByUser and destroyByUser', async () => {
    const { servers } = startSite()
    const [one, two] = servers
    const first = await one.sessions.create({ n: 1 }, { userId: 'ada' })
    expect(await two.sessions.listByUser('ada')).toHaveLength(1)
    const second = await one.sessions.create({ n: 2 }, { userId: 'ada' })
    expect(await two.sessions.listByUser('ada')).toHaveLength(2)
    await one.request(first.cookie, (session) => session.destroy())
    expect((await two.sessions.listByUser('ada')).map(({ id }) => id)).toEqual([second.id])
    const third = await one.sessions.create({ n: 3 }, { userId: 'ada' })
    expect(await two.sessions.destroyByUser('ada')).toBe(2)
    expect([await two.see(second.cookie), await two.see(third.cookie)]).toEqual([undefined, undefined])
  })
})

describe('a request that started from an old read', () => {
  test('is merged: 20 changes on two servers, all are there, and no write counts as lost', async () => {
    const { servers, pass } = startSite()
    const events = listen()
    const { cookie } = await servers[0].sessions.create({})
    await servers[1].see(cookie)
    for (let n = 0; n < 20; n++) {
      await servers[n % 2 === 0 ? 0 : 1].request(cookie, (session) => void (session[`f${n}`] = n))
      pass(1)
    }
    pass(MAX_STALE_MS)
    const all = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`f${n}`, n]))
    expect(await servers[1].see(cookie)).toEqual(all)
    expect(events).toContain('conflict')
    expect(events).not.toContain('lost-writes')
  })

  test('is merged also when it is more than eight writes behind', async () => {
    const { servers } = startSite()
    const events = listen()
    const { cookie } = await servers[0].sessions.create({})
    await servers[1].see(cookie)
    for (let n = 0; n < 12; n++) await servers[0].change(cookie, (session) => void (session[`f${n}`] = n))
    await servers[1].change(cookie, (session) => void (session['late'] = true))
    expect(await servers[1].see(cookie)).toMatchObject({ f0: 0, f11: 11, late: true })
    expect(events).not.toContain('lost-writes')
  })

  test('takes a field that is set to what it was then for unchanged, but not after reload()', async () => {
    const { servers } = startSite()
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ theme: 'light' })
    await two.see(cookie)
    await one.change(cookie, (session) => void (session['theme'] = 'dark'))
    await two.request(cookie, (session) => void (session['theme'] = 'light'))
    expect(await one.see(cookie)).toEqual({ theme: 'dark' })
    await two.request(cookie, async (session) => {
      await session.reload()
      session['theme'] = 'light'
    })
    expect(await two.see(cookie)).toEqual({ theme: 'light' })
  })

  test('cannot bring back a session that was destroyed: its change is refused, and from then on it sees the logout', async () => {
    const { servers } = startSite()
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ user: 'ada' })
    await two.see(cookie)
    await one.request(cookie, (session) => session.destroy())
    await expect(two.change(cookie, (session) => void (session['n'] = 1))).rejects.toSatisfy(isSessionGone)
    expect(await two.see(cookie)).toBeUndefined()
  })

  test('cannot bring it back by moving its deadline either', async () => {
    const { servers, pass } = startSite({ nearCache: { maxStaleMs: 60_000 }, idle: 100_000 })
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ user: 'ada' })
    await two.see(cookie)
    await one.request(cookie, (session) => session.destroy())
    pass(50_000)
    await two.request(cookie)
    expect(await two.see(cookie)).toBeUndefined()
  })

  test('takes along to a new id what others have stored, and the old one is over', async () => {
    const { servers } = startSite()
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ user: 'ada' })
    await two.see(cookie)
    await one.change(cookie, (session) => void (session['theirs'] = 1))
    const next = await two.request(cookie, (session) => {
      session.rotate()
      session['mine'] = 2
    })
    expect(await two.see(next as string)).toEqual({ user: 'ada', theirs: 1, mine: 2 })
    expect(await two.see(cookie)).toBeUndefined()
    await expect(one.change(cookie, (session) => void (session['n'] = 1))).rejects.toSatisfy(isSessionGone)
  })

  test('regenerates: the old session is over, whatever was stored in it meanwhile', async () => {
    const { servers } = startSite()
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ user: 'ada' })
    await two.see(cookie)
    await one.change(cookie, (session) => void (session['theirs'] = 1))
    const next = await two.request(cookie, (session) => session.regenerate())
    expect(await two.see(next as string)).toEqual({})
    expect(await two.see(cookie)).toBeUndefined()
  })
})

describe('deadlines', () => {
  test('readers on two servers move one at most once per tenth of the idle time', async () => {
    const { servers, stores, pass } = startSite({ nearCache: { maxStaleMs: 60_000 } })
    const { cookie } = await servers[0].sessions.create({ user: 'ada' })
    const tenths = 30
    for (let n = 0; n < tenths * 20; n++) {
      await servers[n % 2 === 0 ? 0 : 1].request(cookie)
      pass(IDLE_MS / 200)
    }
    const touches = stores[0].calls.touch + stores[1].calls.touch
    expect(touches).toBeGreaterThan(tenths / 2)
    // Each server once per tenth: one of them moves it, the other learns that it was moved.
    expect(touches).toBeLessThanOrEqual(2 * (tenths + 1))
    expect(await servers[0].see(cookie)).toEqual({ user: 'ada' })
  })

  test('a reader that knows an older write moves the deadline of the newer one', async () => {
    const { servers, pass } = startSite({ nearCache: { maxStaleMs: 60_000 }, idle: 1_000 })
    const [one, two] = servers
    const { cookie } = await one.sessions.create({ user: 'ada' })
    await two.see(cookie)
    pass(400)
    await one.change(cookie, (session) => void (session['n'] = 1))
    pass(500)
    await two.request(cookie)
    pass(899)
    expect(await one.see(cookie)).toEqual({ user: 'ada', n: 1 })
  })

  test('a reader that knows an older write does not file the session under its user of then', async () => {
    const { servers, pass } = startSite({ nearCache: { maxStaleMs: 60_000 }, idle: 100_000 })
    const [one, two] = servers
    const { cookie, id } = await one.sessions.create({}, { userId: 'ada' })
    await two.see(cookie)
    await one.change(cookie, (session) => session.bindUser('bob'))
    pass(50_000)
    await two.request(cookie)
    expect(await one.sessions.destroyByUser('ada')).toBe(0)
    expect((await one.sessions.listByUser('bob')).map((session) => session.id)).toEqual([id])
  })
})
