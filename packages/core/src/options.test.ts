import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isConfigError } from './errors.js'
import { resolveOptions } from './options.js'
import { sealRing } from './secrets.js'
import type { SessionStore } from './store.js'

const SECRET = 'a-secret-of-more-than-32-bytes-for-tests'
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** As a JavaScript user may call it: any option, any value. */
const resolve = (options: Record<string, unknown> = {}) => resolveOptions({ secret: SECRET, ...options })

function messageOf(options: Record<string, unknown>): string {
  try {
    resolve(options)
  } catch (error) {
    if (isConfigError(error)) return error.message
    throw error
  }
  throw new Error('the options were accepted')
}

beforeEach(() => vi.stubEnv('NODE_ENV', 'staging'))
afterEach(() => vi.unstubAllEnvs())

describe('without options but the secret', () => {
  test('everything has its documented default', () => {
    const config = resolve()
    expect(config).toMatchObject({
      cookie: { name: '__Host-sid', path: '/', sameSite: 'lax', secure: true, partitioned: false },
      base: { idleMs: 30 * MINUTE, absoluteMs: 12 * HOUR },
      remember: { idleMs: 30 * DAY, absoluteMs: 90 * DAY },
      longestAbsoluteMs: 90 * DAY,
      store: 'memory:',
      nearCache: undefined,
      affinity: undefined,
      adapters: [],
      onUnavailable: 'reject',
      maxBytes: 65_536,
      userLimit: undefined,
      skip: undefined,
      onCommitError: undefined,
      production: false,
    })
    expect([...config.rejectFields]).toEqual([])
    expect([200, 302, 404, 499, 500, 503].map(config.commitOn)).toEqual([true, true, true, true, false, false])
    expect(Math.abs(config.clock() - Date.now())).toBeLessThan(1_000)
  })
})

describe('the secret', () => {
  test.each([[undefined], [''], [[]], [[undefined, SECRET]], [['', SECRET]]])(
    'missing as %j: the error says so and prints the command that makes one',
    (secret) => {
      const message = messageOf({ secret })
      expect(message).toMatch(/^secret(\[0\])? is missing/)
      expect(message).toContain(`node -p "require('crypto').randomBytes(32).toString('base64url')"`)
    },
  )

  test('of 31 bytes is refused by its length, and never shown', () => {
    const short = 'x'.repeat(31)
    expect(messageOf({ secret: short })).toMatch(/^secret has 31 bytes, at least 32 are needed\. .*node -p/)
    expect(messageOf({ secret: [SECRET, short] })).toMatch(/^secret\[1\] has 31 bytes/)
    expect(messageOf({ secret: [SECRET, short] })).not.toContain(short)
    expect(messageOf({ secret: [SECRET, undefined, short] })).toMatch(/^secret\[2\] /)
  })

  test('is measured in bytes, not in characters', () => {
    expect(resolve({ secret: 'ü'.repeat(16) }).keys).toHaveLength(1)
  })

  test('that is no text is refused without printing it', () => {
    const message = messageOf({ secret: Buffer.from(SECRET) })
    expect(message).toMatch(/^secret is of type object\. Give a text\./)
    expect(message).not.toContain(SECRET)
    expect(messageOf({ secret: [SECRET, 42] })).toMatch(/^secret\[1\] is of type number/)
  })

  test('as a list is a key ring, newest first, whose absent older ones are skipped', () => {
    const newest = 'n'.repeat(32)
    const keys = resolve({ secret: [newest, undefined, '', SECRET] }).keys
    expect(keys.map((key) => key.export().toString())).toEqual([newest, SECRET])
  })

  test('does not show when the config is printed', () => {
    expect(inspect(resolve(), { depth: 9, showHidden: true })).not.toContain(SECRET)
    expect(JSON.stringify(resolve())).not.toContain(SECRET)
  })
})

describe('encryptionKeys', () => {
  const KEY = Buffer.alloc(32, 0xfb)
  const forms = {
    base64: KEY.toString('base64'),
    'base64 without its padding': KEY.toString('base64').replace('=', ''),
    base64url: KEY.toString('base64url'),
    hex: KEY.toString('hex'),
    'HEX in capitals': KEY.toString('hex').toUpperCase(),
  }
  const ring = (encryptionKeys: unknown) => sealRing('encryptionKeys', encryptionKeys as string)

  test.each(Object.entries(forms))('are taken as %s', (_, text) => {
    const { newest, keys } = ring(text)
    expect([...keys.values()].map((key) => key.export())).toEqual([KEY])
    expect(newest).toEqual(ring(forms.hex).newest)
    expect(newest?.id).toMatch(/^[\w-]{6}$/)
  })

  test('are a ring, newest first, whose absent older ones are skipped', () => {
    const older = Buffer.alloc(32, 7)
    const { newest, keys } = ring([forms.hex, undefined, '', older.toString('hex')])
    expect([...keys.values()].map((key) => key.export())).toEqual([KEY, older])
    expect(newest?.id).toBe([...keys.keys()][0])
  })

  test("seal nothing while the newest is 'plain'", () => {
    expect(ring(['plain', forms.hex])).toMatchObject({ newest: undefined, keys: ring(forms.hex).keys })
  })

  test.each([
    ['one that is short', KEY.subarray(1).toString('base64')],
    ['one that is long', Buffer.alloc(33).toString('base64')],
    ['one in hex that is short', KEY.toString('hex').slice(2)],
    ['a sentence', 'correct horse battery staple correct horse'],
    ["'plain' and no key", 'plain'],
    ["a list of 'plain' and no key", ['plain']],
  ])('%s is refused by its length, and never shown', (_, given) => {
    const message = messageOf({ encryptionKeys: given })
    const [text] = [given].flat() as [string]
    expect(message).toContain(`has ${text.length} characters that are not 32 bytes in base64, base64url or hex.`)
    expect(message).toContain(`node -p "require('crypto').randomBytes(32).toString('base64url')"`)
    if (text !== 'plain') expect(message).not.toContain(text)
  })

  test('are named by their place', () => {
    expect(messageOf({ encryptionKeys: [forms.hex, undefined, 'short'] })).toMatch(/^encryptionKeys\[2\] has 5/)
    expect(messageOf({ encryptionKeys: [forms.hex, 42] })).toMatch(/^encryptionKeys\[1\] is of type number/)
  })

  test.each([[undefined], [''], [[]], [[undefined, forms.hex]]])(
    'written out as %j: the error says that they are missing, as nobody would notice',
    (encryptionKeys) => {
      expect(messageOf({ encryptionKeys })).toMatch(
        /^encryptionKeys(\[0\])? is missing: sessions are sealed with it, and without the option they are not\. .*node -p/,
      )
    },
  )

  test.each(['store', 'failover'])('beside a store object as %s are refused, with what to write instead', (option) => {
    const object = { name: 'own', read() {}, write() {}, touch() {}, close() {} }
    expect(messageOf({ store: 'memory:', [option]: object, encryptionKeys: forms.hex })).toBe(
      `encryptionKeys is for stores that are given as URLs, and ${option} is a store. Leave encryptionKeys out and give ${option}: encrypted(store, { keys }), from @holdfast/core; it goes innermost.`,
    )
  })

  test('do not show when the config is printed', () => {
    const config = resolve({ encryptionKeys: [forms.hex, forms.base64] })
    for (const form of Object.values(forms)) expect(inspect(config, { depth: 9, showHidden: true })).not.toContain(form)
  })
})

describe('deadlines', () => {
  test('take ms and texts', () => {
    expect(resolve({ idle: 90_000, absolute: '1d' }).base).toEqual({ idleMs: 90_000, absoluteMs: DAY })
  })

  test('an idle time longer than absolute is refused, also than the default absolute', () => {
    expect(messageOf({ idle: '2h', absolute: '1h' })).toMatch(/^idle is '2h', longer than absolute \('1h'\)/)
    expect(messageOf({ idle: '1d' })).toMatch(/^idle is '1d', longer than absolute \('12h', the default\)/)
  })

  test('a short absolute brings the default idle time down with it', () => {
    expect(resolve({ absolute: '10m' }).base).toEqual({ idleMs: 10 * MINUTE, absoluteMs: 10 * MINUTE })
  })

  test('the default of remember is never shorter than the base pair', () => {
    const { remember, longestAbsoluteMs } = resolve({ idle: '45d', absolute: '200d' })
    expect(remember).toEqual({ idleMs: 45 * DAY, absoluteMs: 200 * DAY })
    expect(longestAbsoluteMs).toBe(200 * DAY)
  })

  test('one half of remember alone keeps the other half sensible', () => {
    expect(resolve({ remember: { absolute: '7d' } }).remember).toEqual({ idleMs: 7 * DAY, absoluteMs: 7 * DAY })
    expect(resolve({ remember: { idle: '60d' } }).remember).toEqual({ idleMs: 60 * DAY, absoluteMs: 90 * DAY })
  })

  test('a remember pair that contradicts itself or the base pair is refused', () => {
    expect(messageOf({ remember: { idle: '10m' } })).toMatch(/^remember\.idle is '10m', shorter than idle/)
    expect(messageOf({ remember: { absolute: '1h' } })).toMatch(/^remember\.absolute is '1h', shorter than absolute/)
    expect(messageOf({ remember: { idle: '91d' } })).toMatch(/^remember\.idle is '91d', longer than remember\.absolute/)
    expect(messageOf({ remember: { idle: '9d', absolute: '8d' } })).toMatch(/longer than remember\.absolute \('8d'\)/)
  })

  test('a bad one is named', () => {
    expect(messageOf({ idle: '30' })).toMatch(/^idle is '30'/)
    expect(messageOf({ absolute: 0 })).toMatch(/^absolute is 0/)
    expect(messageOf({ remember: { idle: 'long' } })).toMatch(/^remember\.idle is 'long'/)
    expect(messageOf({ remember: { absolute: null } })).toMatch(/^remember\.absolute is null/)
    expect(messageOf({ remember: '30d' })).toMatch(/^remember is '30d'\. Give an object/)
  })

  test('a cookie that would have to last longer than 400 days is a warning, once', () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    resolve({ remember: { absolute: '400d' } })
    expect(warnings).not.toHaveBeenCalled()
    resolve({ remember: { absolute: '401d' } })
    resolve({ remember: { absolute: '401d' } })
    expect(warnings).toHaveBeenCalledTimes(1)
    expect(warnings.mock.calls[0]?.[0]).toContain('remember.absolute is 401 days')
    warnings.mockRestore()
  })
})

describe('the store', () => {
  const store: SessionStore = {
    name: 'double',
    read: () => Promise.resolve(undefined),
    write: () => Promise.resolve({ written: true }),
    touch: () => Promise.resolve({ written: true }),
    close: () => Promise.resolve(),
  }

  test.each(['development', 'test', 'staging', ''])('may be left out under NODE_ENV=%s: memory', (environment) => {
    vi.stubEnv('NODE_ENV', environment)
    for (const options of [{}, { store: undefined }, { store: '' }]) expect(resolve(options).store).toBe('memory:')
  })

  test('must be said under NODE_ENV=production: an empty variable must not quietly mean memory', () => {
    vi.stubEnv('NODE_ENV', 'production')
    expect(messageOf({ store: undefined })).toMatch(/^store is undefined\. Under NODE_ENV=production/)
    expect(messageOf({ store: '' })).toMatch(/^store is ''\. Under NODE_ENV=production/)
    expect(messageOf({})).toMatch(/^store is undefined\. Under NODE_ENV=production/)
    expect(resolve({ store: 'memory:' })).toMatchObject({ store: 'memory:', production: true })
  })

  test('is a URL or a store object, passed on as it is', () => {
    expect(resolve({ store: 'redis://sessions:6379' }).store).toBe('redis://sessions:6379')
    expect(resolve({ store }).store).toBe(store)
  })

  test('that is a client of a server, or nothing of the kind, is refused', () => {
    expect(
      messageOf({
        store: new (class Redis {
          status = 'ready'
        })(),
      }),
    ).toMatch(/^store is \[Redis\]\. Give a URL such as 'memory:'/)
    expect(messageOf({ store: { host: 'a', password: 'hunter2' } })).not.toContain('hunter2')
    expect(messageOf({ store: 42 })).toMatch(/^store is 42\./)
    expect(messageOf({ store: null })).toMatch(/^store is null\./)
  })

  test('its adapters are a list of what packages export', () => {
    const adapter = { name: 'double', schemes: ['double'], open: () => store }
    expect(resolve({ adapters: [adapter] }).adapters).toEqual([adapter])
    expect(messageOf({ adapters: adapter })).toMatch(/^adapters is .*Give a list/)
    expect(messageOf({ adapters: [{ name: 'x' }] })).toMatch(/^adapters is .*Give a list/)
    expect(messageOf({ adapters: [{ open() {} }] })).toMatch(/^adapters is .*Give a list/)
  })
})

describe('the cookie', () => {
  test.each(['development', 'test'])('is sid without Secure under NODE_ENV=%s', (environment) => {
    vi.stubEnv('NODE_ENV', environment)
    expect(resolve().cookie).toMatchObject({ name: 'sid', secure: false })
    expect(resolve({ cookie: { secure: true } }).cookie).toMatchObject({ name: '__Host-sid', secure: true })
  })

  test.each(['production', 'staging', ''])('is __Host-sid with Secure under NODE_ENV=%s', (environment) => {
    vi.stubEnv('NODE_ENV', environment)
    expect(resolve({ store: 'memory:' }).cookie).toMatchObject({ name: '__Host-sid', secure: true })
    expect(resolve({ store: 'memory:', cookie: { secure: false } }).cookie).toMatchObject({
      name: 'sid',
      secure: false,
    })
  })

  test('with a domain or a path takes the prefix that allows them', () => {
    expect(resolve({ cookie: { domain: 'example.com' } }).cookie.name).toBe('__Secure-sid')
    expect(resolve({ cookie: { path: '/app' } }).cookie.name).toBe('__Secure-sid')
    expect(resolve({ cookie: { path: '/' } }).cookie.name).toBe('__Host-sid')
    expect(resolve({ cookie: { path: '/app', secure: false } }).cookie.name).toBe('sid')
  })

  test.each([
    [{ name: '__Host-id', domain: 'example.com' }, /allows no cookie\.domain, which is 'example\.com'/],
    [{ name: '__Host-id', path: '/app' }, /demands cookie\.path '\/', which is '\/app'/],
    [{ name: '__Host-id', secure: false }, /demands cookie\.secure: true/],
    [{ name: '__host-id', secure: false }, /demands cookie\.secure: true/],
    [{ name: '__Secure-id', secure: false }, /demands cookie\.secure: true/],
    [{ name: '__Http-id', secure: false }, /demands cookie\.secure: true/],
    [{ sameSite: 'none', secure: false }, /^cookie\.sameSite is 'none'.*cookie\.secure is false/],
    [{ partitioned: true, secure: false }, /^cookie\.partitioned is true.*cookie\.secure is false/],
  ])('%j contradicts itself: an error at start-up, as a browser would drop it in silence', (cookie, message) => {
    expect(messageOf({ cookie })).toMatch(message)
  })

  test('for an embedded app is possible', () => {
    const cookie = { sameSite: 'none', partitioned: true, priority: 'high' }
    expect(resolve({ cookie }).cookie).toMatchObject({ ...cookie, name: '__Host-sid' })
  })

  test.each([
    ['name', 'a;b'],
    ['name', 'a,b'],
    ['name', 'a=b'],
    ['name', 'a b'],
    ['name', 'a\nb'],
    ['name', 'ä'],
    ['name', ''],
    ['name', 7],
    ['domain', 'a;b.example'],
    ['domain', 'a,b.example'],
    ['domain', 'exa mple.com'],
    ['domain', 'example.com\r\nX: y'],
    ['domain', 'example=com'],
    ['domain', ''],
    ['path', 'app'],
    ['path', ''],
    ['path', '/a;b'],
    ['path', '/a,b'],
    ['path', '/a\u0000'],
    ['path', '/a\n'],
    ['path', '/ä'],
    ['sameSite', 'Lax'],
    ['sameSite', true],
    ['sameSite', 'auto'],
    ['priority', 'urgent'],
    ['secure', 'auto'],
    ['secure', 1],
    ['partitioned', 'yes'],
  ])('cookie.%s %j is refused by name', (option, value) => {
    expect(messageOf({ cookie: { [option]: value } })).toMatch(new RegExp(`^cookie\\.${option} is `))
  })

  test('longer than browsers keep is refused', () => {
    expect(messageOf({ cookie: { name: 'n'.repeat(4_000) } })).toMatch(/^cookie\.name has 4000 characters/)
    expect(messageOf({ cookie: { path: `/${'p'.repeat(1_024)}` } })).toMatch(/^cookie\.path has 1025 characters/)
    expect(messageOf({ cookie: { domain: 'd'.repeat(1_025) } })).toMatch(/^cookie\.domain has 1025 characters/)
  })
})

describe('the other options', () => {
  test('merge names the fields that are not merged', () => {
    expect([...resolve({ merge: { csrf: 'reject', cart: undefined } }).rejectFields]).toEqual(['csrf'])
    expect(messageOf({ merge: { csrf: 'last-wins' } })).toMatch(/^merge\.csrf is 'last-wins'\. Give 'reject'/)
    expect(messageOf({ merge: ['csrf'] })).toMatch(/^merge is /)
  })

  test('nearCache says how old an answer may be, and goes by the clock of the sessions', () => {
    const clock = () => 7
    expect(resolve({ nearCache: { maxStaleMs: 500 }, clock }).nearCache).toEqual({
      ...{ maxStaleMs: 500, maxSessions: 10_000, clock },
    })
    expect(resolve({ nearCache: { maxStaleMs: 1, maxSessions: 5 } }).nearCache).toMatchObject({ maxSessions: 5 })
    expect(messageOf({ nearCache: true })).toMatch(/^nearCache is true\. Give an object/)
    expect(messageOf({ nearCache: {} })).toMatch(/^nearCache\.maxStaleMs is undefined/)
    expect(messageOf({ nearCache: { maxStaleMs: '1s' } })).toMatch(/^nearCache\.maxStaleMs is '1s'/)
  })

  test('affinity names this node and the cookie that leads to it', () => {
    expect(resolve({ affinity: { node: 'a' } }).affinity).toEqual({ node: 'a', cookie: 'holdfast_route' })
    expect(resolve({ affinity: { node: 'Web-1_b', cookie: 'way' } }).affinity).toEqual({
      node: 'Web-1_b',
      cookie: 'way',
    })
    expect(messageOf({ affinity: 'a' })).toMatch(/^affinity is 'a'\. Give an object/)
    for (const node of [undefined, '', 'a.b', 'a b', '10.0.0.1:80', 'ä', 'a\n', 7, 'n'.repeat(33)])
      expect(messageOf({ affinity: { node } })).toMatch(
        /^affinity\.node is .*Give the name of this node, 1 to 32 letters/,
      )
    for (const cookie of ['', 'a-b', '__Host-route', 'a;b', 'c'.repeat(65)])
      expect(messageOf({ affinity: { node: 'a', cookie } })).toMatch(/^affinity\.cookie is .*letters, digits and _/)
    expect(messageOf({ affinity: { node: 'a', cookie: 'sid' }, cookie: { name: 'sid' } })).toMatch(
      /^affinity\.cookie is 'sid'\. Give a name that the session cookie does not have/,
    )
  })

  test('maxPerUser is a number, or says what happens at the limit', () => {
    expect(resolve({ maxPerUser: 3 }).userLimit).toEqual({ limit: 3, whenReached: 'evict-oldest' })
    const limit = { limit: 1_000, whenReached: 'reject' }
    expect(resolve({ maxPerUser: limit }).userLimit).toEqual(limit)
    expect(messageOf({ maxPerUser: 0 })).toMatch(/^maxPerUser is 0\. Give a whole number from 1 to 1000/)
    expect(messageOf({ maxPerUser: { limit: 1_001 } })).toMatch(/^maxPerUser\.limit is 1001/)
    expect(messageOf({ maxPerUser: { whenReached: 'reject' } })).toMatch(/^maxPerUser\.limit is undefined/)
    expect(messageOf({ maxPerUser: { limit: 2, whenReached: 'evict' } })).toMatch(/^maxPerUser\.whenReached is 'evict'/)
    expect(messageOf({ maxPerUser: '3' })).toMatch(/^maxPerUser is '3'/)
  })

  test.each([
    ['maxBytes', 0],
    ['maxBytes', 1.5],
    ['maxBytes', '64k'],
    ['onUnavailable', 'serve'],
    ['commitOn', 500],
    ['skip', /static/],
    ['onCommitError', 'render'],
    ['clock', 0],
    ['cookie', 'sid'],
  ])('%s %o is refused by name', (option, value) => {
    expect(messageOf({ [option]: value })).toMatch(new RegExp(`^${option} is `))
  })

  test('what is given is used', () => {
    const functions = { commitOn: () => true, skip: () => false, onCommitError: () => undefined, clock: () => 7 }
    expect(resolve({ ...functions, maxBytes: 1_000, onUnavailable: 'ephemeral' })).toMatchObject({
      ...functions,
      maxBytes: 1_000,
      onUnavailable: 'ephemeral',
    })
  })

  test.each([
    [{ absolut: '1h' }, /^There is no option absolut\./],
    [{ resave: false }, /^There is no option resave\./],
    [{ maxAge: 1 }, /^There is no option maxAge\. Use idle and absolute/],
    [{ cookie: { maxAge: 1 } }, /^There is no option cookie\.maxAge\. Use idle and absolute/],
    [{ cookie: { httpOnly: false } }, /^There is no option cookie\.httpOnly\. The cookie always is HttpOnly/],
    [{ remember: { maxAge: 1 } }, /^There is no option remember\.maxAge/],
    [{ nearCache: { maxStaleMs: 500, clock: Date.now } }, /^There is no option nearCache\.clock/],
    [{ affinity: { node: 'a', nodes: ['a'] } }, /^There is no option affinity\.nodes/],
    [{ maxPerUser: { limit: 1, on: 'reject' } }, /^There is no option maxPerUser\.on/],
  ])('%j has a name that does not exist, which must not be ignored', (options, message) => {
    expect(messageOf(options)).toMatch(message)
  })
})
