import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseRedisUrl } from './redis-url.js'

const addresses = (url: string): string[] => parseRedisUrl(url).addresses.map(({ host, port }) => `${host} ${port}`)

/** Each URL of these tests has `hush` where it has a user or a password. */
const refusal = (url: string): string => {
  try {
    parseRedisUrl(url)
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG' })
    expect(String(error)).not.toContain('hush')
    return (error as Error).message
  }
  return expect.unreachable(`${url} was understood`)
}

describe('URLs of Redis', () => {
  let folder: string
  const file = (name: string): string => join(folder, name)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-url-'))
    for (const name of ['ca', 'cert', 'key']) await writeFile(file(name), `the ${name}`)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('name one server', () => {
    expect(parseRedisUrl('redis://example.org')).toMatchObject({
      kind: 'single',
      isTls: false,
      addresses: [{ host: 'example.org', port: 6379 }],
      username: undefined,
      password: undefined,
      db: 0,
    })
    expect(parseRedisUrl('REDISS://a:1/15')).toMatchObject({ kind: 'single', isTls: true, db: 15 })
    expect(parseRedisUrl('redis://a/')).toMatchObject({ db: 0 })
  })

  it('name Sentinels and their master', () => {
    const url = 'redis+sentinel://h1:1,h2,[::1]:3/my%2Dmaster/2?sentinelUsername=u&sentinelPassword=a+b%26c'
    expect(parseRedisUrl(url)).toMatchObject({
      kind: 'sentinel',
      isTls: false,
      masterName: 'my-master',
      db: 2,
      options: { sentinelUsername: 'u', sentinelPassword: 'a+b&c' },
    })
    expect(addresses(url)).toEqual(['h1 1', 'h2 26379', '::1 3'])
    expect(parseRedisUrl('redis+sentinel://h/m')).toMatchObject({ masterName: 'm', db: 0 })
  })

  it('name nodes of a Cluster', () => {
    expect(parseRedisUrl('redis+cluster://h1:1,h2?tls=true')).toMatchObject({ kind: 'cluster', isTls: true })
    expect(addresses('redis+cluster://h1:1,h2,127.0.0.1:70')).toEqual(['h1 1', 'h2 6379', '127.0.0.1 70'])
  })

  it('have IPv6 addresses in brackets', () => {
    expect(addresses('redis://[2001:db8::1]')).toEqual(['2001:db8::1 6379'])
    expect(addresses('redis://:p@[::1]:7000/1')).toEqual(['::1 7000'])
  })

  it('have users and passwords, percent-encoded', () => {
    const credentials = (url: string) => {
      const { username, password } = parseRedisUrl(url)
      return [username, password]
    }
    expect(credentials('redis://user:p%40ss%2F%3A%23%25@h')).toEqual(['user', 'p@ss/:#%'])
    expect(credentials('redis://:only@h')).toEqual([undefined, 'only'])
    expect(credentials('redis://:a:b@h')).toEqual([undefined, 'a:b'])
    expect(credentials('redis://%C3%A4:%F0%9F%94%91@h')).toEqual(['ä', '🔑'])
    expect(credentials('redis://u:p@q@h')).toEqual(['u', 'p@q'])
  })

  it('have options', () => {
    expect(parseRedisUrl('redis://h?prefix=app:s:&deadline=400&durability=replicated-all').options).toMatchObject({
      prefix: 'app:s:',
      deadlineMs: 400,
      durability: 'replicated-all',
    })
  })

  it('name files of certificates', () => {
    const query = `ca=${file('ca')}&cert=${file('cert')}&key=${file('key')}&servername=redis.example`
    const content = { ca: 'the ca', cert: 'the cert', key: 'the key', servername: 'redis.example' }
    expect(parseRedisUrl(`rediss://h?${query}`).options).toMatchObject(content)
    expect(parseRedisUrl(`redis+cluster://h?tls=true&${query}`).options).toMatchObject(content)
  })

  it.each([
    ['redis://', 'a host is missing'],
    ['redis:host', 'is not understood'],
    ['redis://h1,h2', 'takes one host, this URL has 2'],
    ['redis://h:0', 'the port of h is "0"'],
    ['redis://h:65536', 'the port of h is "65536"'],
    ['redis://h:', 'the port of h is ""'],
    ['redis://h:6379x', 'the port of h is "6379x"'],
    ['redis://::1', 'a host "::1" is not understood'],
    ['redis+cluster://h1,,h2', 'a host is missing'],
    ['redis://h/zero', 'the database in the URL is "zero"'],
    ['redis://h/-1', 'the database in the URL is "-1"'],
    ['redis+cluster://h/1', 'a Cluster has no databases'],
    ['redis+sentinel://h', 'what Sentinel calls the master'],
    ['redis+sentinel://h/m/1/2', 'what Sentinel calls the master'],
    ['redis+sentinel://h/m/x', 'the database in the URL is "x"'],
    ['redis://hush@h', 'a user without a password'],
    ['redis://hush:@h', 'the password in the URL is empty'],
    ['redis://u:hush%@h', 'the password in the URL is not percent-encoded'],
    ['redis://hush:hu/sh:hush@h', "with '@ / ? # : %' in a user or password percent-encoded"],
    ['redis://u:hush?hush@h', "with '@ / ? # : %' in a user or password percent-encoded"],
    ['redis://u:hush#hush@h', "with '@ / ? # : %' in a user or password percent-encoded"],
    ['redis://h?prefx=a', 'has no option "prefx"'],
    ['redis://h?tls=true', 'has no option "tls"'],
    ['redis://h?ca=/x', 'has no option "ca"'],
    ['rediss://h?rejectUnauthorized=false', 'has no option "rejectUnauthorized"'],
    ['redis://h?prefix=a&prefix=b', 'twice'],
    ['redis://h?prefix=a%20b', 'prefix is "a b"'],
    ['redis://h?prefix={a}', 'prefix is "{a}"'],
    ['redis://h?prefix=a*', 'prefix is "a*"'],
    ['redis://h?prefix=', 'prefix is ""'],
    ['redis://h?prefix=%', 'the option prefix in the URL is not percent-encoded'],
    ['redis://h?deadline=0', 'deadline is "0"'],
    ['redis://h?deadline=250ms', 'deadline is "250ms"'],
    ['redis://h?durability=yes', 'durability is "yes"'],
    ['redis+cluster://h?tls=1', 'tls is "1"'],
    ['redis+sentinel://h/m?servername=a', 'the option servername means nothing without tls=true'],
    ['rediss://h?ca=/does/not/exist', 'the file of ca, "/does/not/exist", cannot be read'],
  ])('%s: says what is wrong', (url, message) => {
    expect(refusal(url)).toContain(message)
  })
})
