import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { resolveCookie } from './cookie-options.js'
import { createCookies, keyOf, newSessionId, type Cookies } from './cookies.js'
import type { CookieOptions } from './types.js'

const NOW = 1_800_000_000_000
const HOUR = 3_600_000
const DAY = 24 * HOUR
const SECRET = 'a-secret-of-more-than-32-bytes-for-tests'
const OLD_SECRET = 'an-older-secret-of-more-than-32-bytes-too'

let now = NOW

function cookiesOf(options: CookieOptions = {}, secrets: readonly string[] = [SECRET]): Cookies {
  now = NOW
  const keys = secrets.map((secret) => createSecretKey(Buffer.from(secret)))
  return createCookies(resolveCookie(options, 'production'), keys, () => now)
}

const valueOf = (pair: string): string => pair.slice(pair.indexOf('=') + 1)

describe('session ids', () => {
  test('are 256 random bits in base64url, and never the same twice', () => {
    const ids = new Set(Array.from({ length: 100_000 }, newSessionId))
    expect(ids.size).toBe(100_000)
    for (const id of ids) if (!/^[A-Za-z0-9_-]{43}$/.test(id)) expect.unreachable(id)
  })

  test('reach a store as their SHA-256 only', () => {
    const id = newSessionId()
    expect(keyOf(id)).toBe(createHash('sha256').update(id).digest('base64url'))
    expect(keyOf(id)).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })
})

describe('the cookie that is set', () => {
  const id = newSessionId()
  const absoluteAt = NOW + 12 * HOUR

  test('has the safest attributes unless told otherwise', () => {
    const [pair, ...attributes] = cookiesOf().set(id, absoluteAt, false).split('; ')
    expect(pair).toMatch(/^__Host-sid=/)
    expect(attributes).toEqual(['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax'])
  })

  test('carries the attributes of the options', () => {
    const options = {
      domain: 'example.com',
      path: '/app',
      sameSite: 'none',
      partitioned: true,
      priority: 'high',
    } as const
    expect(cookiesOf(options).set(id, absoluteAt, false)).toMatch(
      /^__Secure-sid=[^;]+; Path=\/app; Domain=example\.com; Secure; HttpOnly; SameSite=None; Partitioned; Priority=High$/,
    )
    expect(cookiesOf({ secure: false, sameSite: 'strict' }).set(id, absoluteAt, false)).toMatch(
      /^sid=[^;]+; Path=\/; HttpOnly; SameSite=Strict$/,
    )
  })

  test('is kept by the browser up to the absolute deadline, not shorter, once it is persistent', () => {
    const cookies = cookiesOf()
    const maxAge = (end: number) => Number(/; Max-Age=(\d+);/.exec(cookies.set(id, end, true))?.[1])
    expect(maxAge(NOW + 90 * DAY)).toBe(7_776_000)
    expect(maxAge(NOW + 1_001)).toBe(2)
    expect(maxAge(NOW + 401 * DAY)).toBe(34_560_000)
    expect(maxAge(NOW - 1)).toBe(0)
  })

  test('is signed over its name too: HMAC-SHA-256 of name=id.deadline', () => {
    const [start, signature] = cookiesOf()
      .header(id, absoluteAt)
      .split(/\.(?=[^.]*$)/)
    expect(start).toBe(`__Host-sid=${id}.${absoluteAt.toString(36)}`)
    expect(signature).toBe(createHmac('sha256', SECRET).update(start!).digest('base64url'))
  })

  test('leaves room in the 4,096 bytes of a cookie whatever its deadline', () => {
    for (const end of [0, NOW, NOW + 3_653 * DAY, NOW + 0.5]) {
      expect(valueOf(cookiesOf().header(id, end)).length).toBeLessThanOrEqual(97)
    }
  })

  test('is removed under the attributes it was set with', () => {
    expect(cookiesOf().clear()).toBe('__Host-sid=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax')
    expect(cookiesOf({ domain: 'example.com' }).clear()).toContain('; Domain=example.com')
  })
})

describe('a request with a cookie of ours', () => {
  const id = newSessionId()
  const absoluteAt = NOW + HOUR

  test('has the session that the cookie names', () => {
    const cookies = cookiesOf()
    const pair = cookies.header(id, absoluteAt)
    const reading = { state: 'valid', id, key: keyOf(id), absoluteAt, resign: false }
    for (const header of [pair, `a=1; ${pair}`, `${pair};b=2`, `a=1;\t ${pair} \t; b=2`, `;;${pair};`]) {
      expect(cookies.read(header)).toEqual(reading)
    }
  })

  test('is known on every node and after a restart: the same secret is enough', () => {
    expect(cookiesOf().read(cookiesOf().header(id, absoluteAt))).toMatchObject({ state: 'valid', id })
  })

  test('is late from the deadline on that was signed into it, also when the cookie is known already', () => {
    const cookies = cookiesOf()
    const pair = cookies.header(id, absoluteAt)
    now = absoluteAt - 1
    expect(cookies.read(pair).state).toBe('valid')
    now = absoluteAt
    expect(cookies.read(pair)).toEqual({ state: 'late' })
    expect(cookiesOf().read(pair).state).toBe('valid')
  })

  test('under an older secret is read, and asks to be signed again', () => {
    const pair = cookiesOf({}, [OLD_SECRET]).header(id, absoluteAt)
    const rotated = cookiesOf({}, [SECRET, OLD_SECRET])
    expect(rotated.read(pair)).toMatchObject({ state: 'valid', id, resign: true })
    expect(rotated.read(rotated.header(id, absoluteAt))).toMatchObject({ resign: false })
    expect(cookiesOf({}, [SECRET]).read(pair)).toEqual({ state: 'invalid' })
  })

  test('of another name has none: the signature does not move between cookies', () => {
    const value = valueOf(cookiesOf({ name: 'admin' }).header(id, absoluteAt))
    expect(cookiesOf({ name: 'shop' }).read(`shop=${value}`)).toEqual({ state: 'invalid' })
  })
})

describe('a request without a cookie of ours', () => {
  test.each([
    undefined,
    '',
    ';',
    'other=1',
    '__Host-sid',
    '__Host-sid2=x',
    'x__Host-sid=x',
    'x=__Host-sid=x',
    '__host-sid=x',
  ])('%j', (header) => {
    expect(cookiesOf().read(header)).toEqual({ state: 'none' })
  })
})

describe('a forged or broken cookie', () => {
  const id = newSessionId()
  const absoluteAt = NOW + HOUR
  const cookies = cookiesOf()
  const pair = cookies.header(id, absoluteAt)
  const value = valueOf(pair)

  test.each([
    ['empty', ''],
    ['without a signature', value.slice(0, value.lastIndexOf('.'))],
    ['with a short signature', value.slice(0, -1)],
    ['with a long signature', `${value}A`],
    [
      'with the signature of another',
      `${value.slice(0, -43)}${valueOf(cookies.header(newSessionId(), absoluteAt)).slice(-43)}`,
    ],
    ['with a later deadline', value.replace(/\.[^.]+\./, `.${(absoluteAt + DAY).toString(36)}.`)],
    ['with an upper-case deadline', value.replace(/\.[^.]+\./, (deadline) => deadline.toUpperCase())],
    ['quoted', `"${value}"`],
    ['percent-encoded', value.replace('.', '%2E')],
    ['with a no-break space', `\u00a0${value}`],
    ['with a leading blank', ` ${value}`],
    ['of 8 KB', 'A'.repeat(8_192)],
    ['with a NUL', `${value}\u0000`],
    ["as express-session's", `s%3A${id}.${'A'.repeat(43)}`],
  ])('%s is invalid', (_, forged) => {
    expect(cookiesOf().read(`__Host-sid=${forged}`)).toEqual({ state: 'invalid' })
  })

  test('in another spelling of the same bytes is invalid', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(value.at(-1)!)
    const twin = value.slice(0, -1) + alphabet[last ^ 1]!
    expect(Buffer.from(twin.slice(-43), 'base64url')).toEqual(Buffer.from(value.slice(-43), 'base64url'))
    expect(cookies.read(`__Host-sid=${twin}`)).toEqual({ state: 'invalid' })
  })

  test.each([
    ['after a no-break space', `\u00a0${pair}`],
    ['after an em quad', `a=1;\u2000${pair}`],
    ['after a form feed', `\f${pair}`],
    ['after a quoted cookie that never ends', `a="1, ${pair}`],
    ['separated by a comma', `a=1,${pair}`],
    ['with a blank before the equals sign', pair.replace('=', ' =')],
    ['with an empty name before it', `=${pair}`],
  ])('%s is not ours at all', (_, header) => {
    expect(cookies.read(header)).toEqual({ state: 'none' })
  })

  test('is an ordinary cookie beside ours: $Version, quotes and our value under another name', () => {
    expect(cookies.read(`$Version=1; ${pair}; b="x"; c=${value}`)).toMatchObject({ state: 'valid', id })
  })

  test('is checked again each time: it never gets among the known ones', () => {
    const fresh = cookiesOf()
    const forged = `${pair.slice(0, -43)}${'A'.repeat(43)}`
    for (let again = 0; again < 3; again++) expect(fresh.read(forged)).toEqual({ state: 'invalid' })
    expect(fresh.read(pair).state).toBe('valid')
    expect(fresh.read(forged)).toEqual({ state: 'invalid' })
  })
})

describe('several cookies of our name in one request', () => {
  const absoluteAt = NOW + HOUR
  const mine = newSessionId()
  const cookies = cookiesOf()
  const pair = cookies.header(mine, absoluteAt)
  const planted = cookies.header(newSessionId(), absoluteAt)
  const forged = `${pair.slice(0, -43)}${'A'.repeat(43)}`

  test('one valid among forged ones is used, wherever it stands', () => {
    for (const header of [`${forged}; ${pair}`, `${pair}; ${forged}`, `${forged}; ${pair}; ${forged}`]) {
      expect(cookies.read(header)).toMatchObject({ state: 'valid', id: mine })
    }
  })

  test('two valid ones of different sessions are both refused: one was planted', () => {
    expect(cookies.read(`${planted}; ${pair}`)).toEqual({ state: 'duplicate' })
    expect(cookies.read(`${pair}; ${planted}`)).toEqual({ state: 'duplicate' })
  })

  test('the same session twice is one session, with the later deadline', () => {
    const later = cookies.header(mine, absoluteAt + DAY)
    expect(cookies.read(`${pair}; ${pair}`)).toMatchObject({ state: 'valid', id: mine, absoluteAt })
    for (const header of [`${pair}; ${later}`, `${later}; ${pair}`]) {
      expect(cookies.read(header)).toMatchObject({ state: 'valid', absoluteAt: absoluteAt + DAY })
    }
  })

  test('a late one does not stand in the way of a valid one', () => {
    const late = cookies.header(newSessionId(), NOW - 1)
    expect(cookies.read(`${late}; ${pair}`)).toMatchObject({ state: 'valid', id: mine })
    expect(cookies.read(`${late}; ${forged}`)).toEqual({ state: 'late' })
  })

  test('eight are read, more are refused', () => {
    const seven = `${forged}; `.repeat(7)
    expect(cookies.read(seven + pair)).toMatchObject({ state: 'valid', id: mine })
    expect(cookies.read(`${seven}${forged}; ${pair}`)).toEqual({ state: 'duplicate' })
  })
})

test('a cookie that is remembered does not keep the header it came in', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const heapAfter = (run: () => void): number => {
    run()
    collect()
    return process.memoryUsage().heapUsed
  }
  const cookies = cookiesOf()
  const pairs = Array.from({ length: 2_000 }, () => cookies.header(newSessionId(), NOW + HOUR))
  const before = heapAfter(() => cookies.read(pairs[0]))
  const after = heapAfter(() => {
    for (const pair of pairs) cookies.read(`padding=${'x'.repeat(15_000)}; ${pair}`)
  })
  expect(cookies.read(pairs[0]).state).toBe('valid')
  expect((after - before) / pairs.length).toBeLessThan(2_000)
})
