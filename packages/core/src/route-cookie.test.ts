import { createHmac, createSecretKey } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { resolveCookie } from './cookie-options.js'
import { createCookies, newSessionId } from './cookies.js'
import { createRouteCookie, type RouteCookie } from './route-cookie.js'
import type { RanksNodes, SessionStore } from './store.js'
import type { CookieOptions } from './types.js'

const NOW = 1_800_000_000_000
const SECRET = 'a-secret-of-more-than-32-bytes-for-tests'
const OLD_SECRET = 'an-older-secret-of-more-than-32-bytes-too'

const keysOf = (secrets: readonly string[]) => secrets.map((secret) => createSecretKey(Buffer.from(secret)))
const plain: SessionStore = {
  name: 'plain',
  read: async () => undefined,
  write: async () => ({ written: true }),
  touch: async () => ({ written: true }),
  close: async () => {},
}
const ranking = (nodesOf: RanksNodes['nodesOf']): SessionStore & RanksNodes => ({ ...plain, name: 'ranking', nodesOf })

function routeOf(
  store: SessionStore,
  { secrets = [SECRET], cookie = {} }: { readonly secrets?: string[]; readonly cookie?: CookieOptions } = {},
): RouteCookie {
  const config = { cookie: resolveCookie(cookie, 'production'), keys: keysOf(secrets), clock: () => NOW }
  return createRouteCookie({ node: 'n', cookie: 'holdfast_route' }, config, store)
}
const headerOf = (setCookie: string): string => setCookie.split(';', 1)[0] as string

afterEach(() => void vi.restoreAllMocks())

test('the route is the primary and its backup, signed', () => {
  const set = routeOf(ranking(() => ['a', 'b', 'c'])).set('key', NOW, false)
  const mac = createHmac('sha256', SECRET).update('route:holdfast_route=a.b').digest('base64url')
  expect(headerOf(set)).toBe(`holdfast_route=a.b.${mac}`)
})

test('of a store that ranks no nodes, or cannot tell now, it is this node', () => {
  expect(routeOf(plain).set('key', NOW, false)).toMatch(/^holdfast_route=n\.[A-Za-z0-9_-]{43};/)
  expect(routeOf(ranking(() => [])).set('key', NOW, false)).toMatch(/^holdfast_route=n\.[A-Za-z0-9_-]{43};/)
})

test('it has the attributes and the lifetime of the session cookie', () => {
  const cookie: CookieOptions = { domain: 'example.com', path: '/app', sameSite: 'none', partitioned: true }
  const config = resolveCookie(cookie, 'production')
  const session = createCookies(config, keysOf([SECRET]), () => NOW)
  const route = routeOf(plain, { cookie })
  const rest = (set: string): string => set.slice(set.indexOf(';'))
  for (const persistent of [true, false])
    expect(rest(route.set('key', NOW + 90_000, persistent))).toBe(
      rest(session.set(newSessionId(), NOW + 90_000, persistent)),
    )
  expect(rest(route.clear())).toBe(rest(session.clear()))
  expect(route.set('key', NOW, false)).toContain('; HttpOnly')
})

test('what it has set is right for each session with the same nodes, and wrong for others', () => {
  const route = routeOf(ranking((key) => (key === 'elsewhere' ? ['b', 'a'] : ['a', 'b'])))
  const header = `other=1; ${headerOf(route.set('key', NOW, false))}; last=2`
  expect(route.isRight(header, 'key')).toBe(true)
  expect(route.isRight(header, 'another')).toBe(true)
  expect(route.isRight(header, 'elsewhere')).toBe(false)
})

test('a missing, forged, altered, repeated route is not right, and neither is one under an older key', () => {
  const route = routeOf(plain, { secrets: [SECRET, OLD_SECRET] })
  const right = headerOf(route.set('key', NOW, false))
  const old = headerOf(routeOf(plain, { secrets: [OLD_SECRET] }).set('key', NOW, false))
  expect(route.isRight(right, 'key')).toBe(true)
  const wrong = [
    ...[undefined, '', 'sid=1', 'holdfast_route=', 'holdfast_route=n', `holdfast_route=n.${'A'.repeat(43)}`],
    ...[right.replace('=n.', '=m.'), right.slice(0, -1), `${right}A`, `x${right}`, `${right}; ${right}`, old],
    `${right}; holdfast_route=m`,
  ]
  for (const header of wrong) expect(route.isRight(header, 'key'), header).toBe(false)
})

test('a route is no session, and the name of a session cookie makes no route of it', () => {
  const keys = keysOf([SECRET])
  const config = resolveCookie({ name: 'holdfast_route' }, 'production')
  const session = createCookies(config, keys, () => NOW)
  expect(session.read(headerOf(routeOf(plain).set('key', NOW, false))).state).toBe('invalid')
  const id = newSessionId()
  const route = routeOf(ranking(() => [id.slice(0, 32)]))
  expect(route.isRight(headerOf(session.set(id, NOW + 1, false)), 'key')).toBe(false)
})

test('a name that would break the cookie is not sent: this node is, and the operator is warned', () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const route = routeOf(ranking(() => ['10.0.0.1:7946', 'b']))
  expect(route.set('key', NOW, false)).toMatch(/^holdfast_route=n\./)
  expect(warn.mock.calls).toEqual([
    [
      "ranking calls a node '10.0.0.1:7946', which cannot stand in the route cookie: a name is 1 to 32 letters, digits, _ and -.",
      { type: 'HoldfastWarning', code: 'HOLDFAST_NODE_NAME' },
    ],
  ])
})
