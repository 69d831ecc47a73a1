import { randomBytes } from 'node:crypto'
import { createBridge, createEngine, isSessionGone, type SessionOptions } from '@holdfast/core'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../servers/free-port.js'
import { startMemcached } from '../servers/memcached.js'
import { startRedis, type RedisServer } from '../servers/redis.js'
import { requireServer } from '../servers/require-server.js'
import { startCommand, startNode } from '../process.js'
import { cli, parsed } from './cli.js'

const program = await requireServer('redis-server')
const memcachedProgram = await requireServer('memcached')

interface Data {
  name: string
  cart: string[]
  n: number
}

/** What an app has: an engine on the same store. */
async function appOn(store: string, options: Partial<SessionOptions> = {}) {
  const app = createEngine<Data>({ secret: 'a secret of at least thirty-two bytes', store, ...options })
  onTestFinished(() => app.close())
  await app.ready()
  return app
}

describe.skipIf(program === undefined)('holdfast sessions', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())
  afterEach(() => void vi.unstubAllEnvs())
  const storeOf = (prefix: string): string => `${redis.url}?prefix=${prefix}:`

  test('ls lists the sessions and nothing else, ls --user those of a user', async () => {
    const store = storeOf('ls')
    const app = await appOn(store)
    const [ada, also, grace, ended] = [
      await app.create({ name: 'Ada', n: 1 }, { userId: 'ada' }),
      await app.create({ name: 'Ada', n: 2 }, { userId: 'ada' }),
      await app.create({ name: 'Grace \u001b[31m' }, { userId: 'grace \u001b[31m' }),
      await app.create({ name: 'Bob' }, { userId: 'bob' }),
    ]
    await app.destroyByUser('bob')
    await createBridge(app).store('the id of another library', { name: 'Alan' })
    for (const key of ['holdfast-member', 'migration', 'x'.repeat(44)])
      await redis.command('SET', `ls:${key}`, 'theirs')
    vi.stubEnv('SESSION_STORE', store)
    const [all, ofAda, forPeople] = await Promise.all([
      cli('sessions', 'ls', '--store', store, '--json'),
      cli('sessions', 'ls', '--user', 'ada', '--json'),
      cli('sessions', 'ls', '--store', store),
    ])
    expect([all.code, ofAda.code, forPeople.code]).toEqual([0, 0, 0])
    const ids = (said: typeof all) => new Set(parsed(said).map(({ id }) => id))
    const ofBridge = [...ids(all)].find((id) => String(id).startsWith('b_'))
    expect(ids(all)).toEqual(new Set([ada.id, also.id, grace.id, ofBridge]))
    expect(ids(ofAda)).toEqual(new Set([ada.id, also.id]))
    expect(parsed(ofAda)[0]).toMatchObject({ state: 'live', userId: 'ada', remembered: false, bytes: 20 })
    expect(all.output).not.toContain('Ada')
    const lines = forPeople.output.split('\n')
    expect(lines[0]).toMatch(/^HASH +USER +CREATED \(UTC\) +ENDS +AT THE LATEST +BYTES$/)
    expect(lines.find((line) => line.startsWith(grace.id))).toContain(String.raw`grace \u001b[31m`)
    expect(forPeople.output).not.toContain('\u001b')
    expect(forPeople.output).not.toContain(ended.id)
    expect(forPeople.output).toMatch(/\n4 sessions\n$/)
  })

  test('show keeps what stands in it to itself, unless it is asked', async () => {
    const store = storeOf('show')
    const app = await appOn(store)
    const { id } = await app.create({ name: 'Ada', cart: ['tea', 'milk'], n: 1 }, { userId: 'ada' })
    const show = (...args: readonly string[]) => cli('sessions', 'show', id, '--store', store, ...args)
    const [kinds, values, json, jsonValues] = await Promise.all([
      show(),
      show('--values'),
      show('--json'),
      show('--json', '--values'),
    ])
    expect(kinds.code).toBe(0)
    expect(kinds.output).toMatch(/^ {2}name +text of 3 characters\n {2}cart +list of 2 entries\n {2}n +number$/m)
    expect(kinds.output + json.output).not.toMatch(/Ada|tea/)
    expect(values.output).toMatch(/^ {2}name +"Ada"\n {2}cart +\["tea","milk"\]\n {2}n +1$/m)
    expect(parsed(json)[0]).toMatchObject({ id, userId: 'ada', fields: { cart: 'list of 2 entries' } })
    expect(parsed(jsonValues)[0]).toMatchObject({ data: { name: 'Ada', cart: ['tea', 'milk'], n: 1 } })
  })

  test('destroy ends a session, and wins over a request that is under way', async () => {
    const store = storeOf('destroy')
    const app = await appOn(store)
    const another = await app.create({ n: 1 }, { userId: 'ada' })
    // As one in 64 does, its id begins as an option would.
    let one = await app.create({ n: 1 }, { userId: 'ada' })
    while (!one.id.startsWith('-')) {
      await app.destroyByUser('ada', { except: another.id })
      one = await app.create({ n: 1 }, { userId: 'ada' })
    }
    const request = { headers: { cookie: one.cookie } } as Parameters<typeof app.read>[0]
    const underWay = app.update(request, async (session) => {
      expect(await cli('sessions', 'destroy', one.id, '--store', store)).toEqual({ code: 0, output: 'Ended.\n' })
      session.n = 2
    })
    await expect(underWay).rejects.toSatisfy(isSessionGone)
    expect(await app.read(request)).toBeUndefined()
    expect((await app.listByUser('ada')).map(({ id }) => id)).toEqual([another.id])
    const again = await cli('sessions', 'destroy', one.id, '--store', store)
    expect(again).toEqual({ code: 1, output: 'There is no such session: it never was, or it has ended.\n' })
  })

  test('destroy --user ends all of a user', async () => {
    const store = storeOf('user')
    const app = await appOn(store)
    for (const userId of ['ada', 'ada', 'grace']) await app.create({ n: 1 }, { userId })
    const ended = await cli('sessions', 'destroy', '--user', 'ada', '--store', store)
    expect(ended).toEqual({ code: 0, output: 'Ended 2 sessions of ada.\n' })
    expect([await app.listByUser('ada'), await app.listByUser('grace')]).toMatchObject([[], [{}]])
  })

  test('sessions that are encrypted need the keys of the app', async () => {
    const store = storeOf('sealed')
    const key = randomBytes(32).toString('base64url')
    const app = await appOn(store, { encryptionKeys: key })
    const { id } = await app.create({ name: 'Ada' }, { userId: 'ada' })
    const show = () => cli('sessions', 'show', id, '--values', '--store', store)
    const [without, byUser] = await Promise.all([show(), cli('sessions', 'destroy', '--user', 'ada', '--store', store)])
    vi.stubEnv('HOLDFAST_ENCRYPTION_KEYS', `${randomBytes(32).toString('base64url')}, ${key}`)
    const withKeys = await show()
    expect(without.output).toMatch(/cannot be read: it is sealed, and encryptionKeys has no key that opens it\.$/m)
    expect(withKeys.output).toContain('"Ada"')
    expect(byUser).toMatchObject({ code: 2, output: expect.stringMatching(/list of this user's sessions .* sealed/) })
  })

  test('many sessions are printed as they come, and who has read enough may go', async () => {
    const store = storeOf('many')
    const app = await appOn(store)
    for (let n = 0; n < 15; n++) await Promise.all(Array.from({ length: 50 }, () => app.create({ n })))
    const all = await cli('sessions', 'ls', '--store', store, '--json')
    expect(new Set(parsed(all).map(({ id }) => id)).size).toBe(750)
    const flags = `--conditions=@holdfast/source --import ${import.meta.resolve('tsx')}`
    const list = `${process.execPath} ${flags} packages/cli/src/cli.ts sessions ls --store '${store}'; echo "ended $?"`
    const first = startCommand('sh', { args: ['-c', `{ ${list} >&3; } 3>&1 | head -2`] })
    await first.ended
    expect(first.output()).toMatch(/^HASH .*\n[\w-]{43} /)
    expect(first.output()).not.toContain('Error')
  })

  test('what cannot be done is a sentence, and exit code 2', async () => {
    const id = 'x'.repeat(43)
    const show = (store: string, what = id) => cli('sessions', 'show', what, '--store', store)
    const away = `redis://127.0.0.1:${await freePort()}`
    const process = startNode('packages/cli/src/cli.ts', { args: ['sessions', 'show', id, '--store', 'memory:'] })
    const said = await Promise.all([
      process.ended.then(({ code }) => ({ code, output: process.output() })),
      show('peer://10.0.0.1:7946?peers=10.0.0.2:7946'),
      show('mysql://me:secret@10.0.0.1'),
      show(away),
      show(redis.url, 'sid=abc'),
      cli('sessions', 'destroy', id, '--user', 'ada', '--store', redis.url),
    ])
    vi.stubEnv('HOLDFAST_ENCRYPTION_KEYS', 'short')
    said.push(await show(redis.url))
    expect(said.map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2, 2])
    const sentences = [
      /'memory:' keeps sessions in the memory of the app’s own process.*sessions\.destroyByUser/,
      /'peer:' keeps sessions in the memory of the app servers.*sessions\.listByUser/,
      /"mysql:\/\/\*\*\*@10\.0\.0\.1" is not the URL of a store.*redis:\/\/10\.0\.0\.9/,
      new RegExp(`${away} does not answer: redis: .*Start the server, or correct the address`),
      /"sid=abc" is not the id of a session/,
      /Give the hash of a session, or --user, and not both/,
      /encrypted: keys\[0\] has 5 characters/,
    ]
    said.forEach(({ output }, at) => expect(output).toMatch(sentences[at] as RegExp))
  })
})

test.skipIf(memcachedProgram === undefined)('Memcached cannot list what it has, and says so', async () => {
  const server = await startMemcached()
  onTestFinished(() => server.stop())
  const app = await appOn(server.url)
  const { id } = await app.create({ n: 1 }, { userId: 'ada' })
  const [ls, byUser, one] = await Promise.all([
    cli('sessions', 'ls', '--store', server.url),
    cli('sessions', 'ls', '--user', 'ada', '--store', server.url, '--json'),
    cli('sessions', 'destroy', id, '--store', server.url),
  ])
  expect(ls).toMatchObject({ code: 2, output: expect.stringContaining("'memcached' cannot list what it has. Ask for") })
  expect([byUser.code, one.output, await app.listByUser('ada')]).toEqual([0, 'Ended.\n', []])
})
