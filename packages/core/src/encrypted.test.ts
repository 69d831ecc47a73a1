import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decode } from './codec.js'
import { encrypted } from './encrypted.js'
import { isConfigError } from './errors.js'
import { isSameWrite, type SessionRecord, type SessionStore, type WriteCondition } from './store.js'

const newKey = () => randomBytes(32).toString('base64url')
const [FIRST, SECOND, THIRD] = [newKey(), newKey(), newKey()]
const SESSION = 'the-key-of-a-session'

/** Keeps what it is given, and every call with all that was in it. */
class Server implements SessionStore {
  readonly name = 'server'
  readonly records = new Map<string, SessionRecord>()
  readonly calls: unknown[][] = []
  async read(key: string) {
    const record = this.records.get(key)
    return record && { ...record, token: `token of ${record.tag}` }
  }
  async write(key: string, record: SessionRecord, condition: WriteCondition) {
    this.calls.push(['write', key, record, condition])
    const current = this.records.get(key)
    const isAllowed = typeof condition === 'object' ? current && isSameWrite(current, condition.replaces) : !current
    if (!isAllowed) return { written: false as const, current }
    this.records.set(key, record)
    return { written: true as const }
  }
  async touch(key: string, record: SessionRecord, expiresAt: number) {
    this.calls.push(['touch', key, record, expiresAt])
    return { written: false as const, current: this.records.get(key) }
  }
  async close() {}
  text(key = SESSION): string {
    return String(this.records.get(key)?.data)
  }
}

const events: unknown[] = []
const listen = (event: unknown): void => void events.push(event)
beforeEach(() => {
  events.length = 0
  subscribe('holdfast:store', listen)
})
afterEach(() => void unsubscribe('holdfast:store', listen))

const record = (data: string | null, revision = 1, tag = `tag-of-${revision}`): SessionRecord => ({
  ...{ data, revision, tag, expiresAt: 2_000 },
})
const PLAIN = '{"v":1}\n{"user":"Ada Lovelace","münze":"🪙"}'

/** A server that has `PLAIN` as this ring writes it. */
async function serverWith(keys: string | readonly (string | undefined)[]): Promise<Server> {
  const server = new Server()
  await encrypted(server, { keys }).write(SESSION, record(PLAIN), 'absent')
  return server
}

describe('an encrypted store', () => {
  test('gives back what was written, with the token of the store below', async () => {
    const server = await serverWith(FIRST)
    expect(await encrypted(server, { keys: FIRST }).read(SESSION)).toEqual({
      ...record(PLAIN),
      token: 'token of tag-of-1',
    })
    expect(events).toEqual([])
  })

  test('shows the store below nothing, whatever the call', async () => {
    const server = await serverWith(FIRST)
    const store = encrypted(server, { keys: FIRST })
    const known = (await store.read(SESSION)) as SessionRecord
    await store.touch(SESSION, known, 3_000)
    await store.write(SESSION, record(PLAIN, 2), { replaces: known })
    expect(server.calls.map(([call]) => call)).toEqual(['write', 'touch', 'write'])
    expect(JSON.stringify(server.calls)).not.toMatch(/"v\\*"|Ada|Lovelace|user|münze/)
    expect(server.calls[2]?.[3]).toMatchObject({ replaces: { revision: 1, token: 'token of tag-of-1' } })
  })

  test('says what stands there in plain text where it did not write', async () => {
    const store = encrypted(await serverWith(FIRST), { keys: FIRST })
    const stands = { written: false, current: record(PLAIN) }
    expect(await store.write(SESSION, record('{}'), 'absent')).toEqual(stands)
    expect(await store.touch(SESSION, record('{}'), 3_000)).toEqual(stands)
  })

  test('never seals one text in the same way twice', async () => {
    expect((await serverWith(FIRST)).text()).not.toBe((await serverWith(FIRST)).text())
  })

  test('leaves tombstones and absence as they are', async () => {
    const server = new Server()
    const store = encrypted(server, { keys: FIRST })
    expect(await store.read(SESSION)).toBeUndefined()
    await store.write(SESSION, record(null), 'absent')
    expect(server.records.get(SESSION)).toEqual(record(null))
    expect(await store.read(SESSION)).toMatchObject(record(null))
  })

  test.each([
    ['older, behind a newer one', [SECOND, undefined, '', FIRST]],
    ['newest, before an older one', [FIRST, SECOND]],
    ['second, and nothing is to be sealed yet', ['plain', FIRST]],
  ])('opens what was sealed under a key that is %s', async (_, keys) => {
    expect(await encrypted(await serverWith(FIRST), { keys }).read(SESSION)).toMatchObject(record(PLAIN))
    expect(events).toEqual([])
  })

  test('seals with the newest key what it writes, whatever it was sealed with', async () => {
    const server = await serverWith(FIRST)
    const store = encrypted(server, { keys: [SECOND, FIRST] })
    await store.write(SESSION, record(PLAIN, 2), { replaces: (await store.read(SESSION)) as SessionRecord })
    expect(await encrypted(server, { keys: SECOND }).read(SESSION)).toMatchObject(record(PLAIN, 2))
  })

  test('reads what is not sealed, and seals it when it is written', async () => {
    const server = new Server()
    server.records.set(SESSION, record(PLAIN))
    const store = encrypted(server, { keys: FIRST })
    const found = (await store.read(SESSION)) as SessionRecord
    expect(found).toMatchObject(record(PLAIN))
    await store.write(SESSION, record(PLAIN, 2), { replaces: found })
    expect(server.text()).toMatch(/^hs1\.[\w-]{6}\.[\w-]+$/)
  })

  test("seals nothing while the newest is 'plain'", async () => {
    expect((await serverWith(['plain', FIRST])).text()).toBe(PLAIN)
  })

  test('what no key opens is undecodable, is told, and stays as it was', async () => {
    const server = await serverWith(FIRST)
    const sealed = server.text()
    const store = encrypted(server, { keys: [SECOND, THIRD] })
    const found = (await store.read(SESSION)) as SessionRecord
    expect(decode(String(found.data))).toEqual({
      state: 'undecodable',
      reason: 'it is sealed, and encryptionKeys has no key that opens it',
    })
    expect(events).toEqual([{ type: 'not-opened', store: 'server', reason: 'unknown-key' }])
    // A copy of it, as replicas write one back.
    await store.write('a-copy', found, 'absent')
    expect([server.text(), server.text('a-copy')]).toEqual([sealed, sealed])
  })

  const flip = (text: string, at: number): string =>
    text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
  test.each([
    ['put under another session', (sealed: SessionRecord) => ['another-session', sealed] as const],
    ['put into another write', (sealed: SessionRecord) => [SESSION, { ...sealed, tag: 'other' }] as const],
    ['put into another revision', (sealed: SessionRecord) => [SESSION, { ...sealed, revision: 9 }] as const],
    [
      'with another nonce',
      (sealed: SessionRecord) => [SESSION, { ...sealed, data: flip(String(sealed.data), 12) }] as const,
    ],
    [
      'with another tag',
      (sealed: SessionRecord) => [SESSION, { ...sealed, data: flip(String(sealed.data), 30) }] as const,
    ],
    [
      'with other content',
      (sealed: SessionRecord) => [SESSION, { ...sealed, data: flip(String(sealed.data), 60) }] as const,
    ],
    ['cut off', (sealed: SessionRecord) => [SESSION, { ...sealed, data: String(sealed.data).slice(0, 20) }] as const],
  ])('a sealed text %s does not open', async (_, change) => {
    const server = await serverWith(FIRST)
    const [key, altered] = change(server.records.get(SESSION) as SessionRecord)
    server.records.set(key, altered)
    expect(await encrypted(server, { keys: FIRST }).read(key)).toMatchObject(altered)
    expect(events).toEqual([{ type: 'not-opened', store: 'server', reason: 'altered' }])
  })

  test('refuses a store that joins copies in the app servers', () => {
    const peers = Object.assign(new Server(), { nodesOf: () => [] })
    const make = () => encrypted(peers, { keys: FIRST })
    expect(make).toThrow(expect.toSatisfy(isConfigError))
    expect(make).toThrow('encrypted: the store server keeps sessions in the app servers, which have the keys.')
  })

  test('refuses options that it does not have, and keys that are none', () => {
    const server = new Server()
    expect(() => encrypted(server, { keys: FIRST, key: FIRST } as { keys: string })).toThrow('encrypted.key')
    expect(() => encrypted(server, { keys: ['short'] })).toThrow('encrypted: keys[0] has 5 characters')
  })
})
