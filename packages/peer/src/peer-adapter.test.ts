import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SessionStore } from '@holdfast/core'
import { peer } from './peer-adapter.js'
import { peerStore, type PeerStoreOptions } from './peer-store.js'

const SECRET = 'a secret of thirty-two bytes or more'
const EXAMPLE = "'peer://10.0.0.1:7946?peers=10.0.0.2:7946,10.0.0.3:7946'"

const opened: SessionStore[] = []
const open = (url: string): void => {
  opened.push(peer.open(url, { clock: Date.now, idleMs: 60_000, absoluteMs: 60_000 }) as SessionStore)
}
beforeEach(() => vi.stubEnv('HOLDFAST_PEER_SECRET', SECRET))
afterEach(async () => {
  vi.unstubAllEnvs()
  for (const store of opened.splice(0)) await store.close()
})

const refused = (message: string) => expect.objectContaining({ code: 'CONFIG', message })

describe('peer: as a URL', () => {
  test.each([
    'peer://127.0.0.1:21001?peers=127.0.0.1:21002',
    'PEER://127.0.0.1:21001/?peers=127.0.0.1:21001,127.0.0.1:21002,127.0.0.1:21003&backups=2',
    'peer://[::1]:21001?peers=[::1]:21002&isolated=refuse',
    'peer://app-1.internal:7946?peers=app-2.internal:7946&listen=127.0.0.1:21001',
  ])('%s is opened without waiting for the others', (url) => {
    open(url)
    expect(opened[0]?.name).toBe('peer')
  })

  test.each([
    ['peer:', `store: "peer:" is not understood; the secret belongs into HOLDFAST_PEER_SECRET. Write ${EXAMPLE}.`],
    [
      'peer://:secret@a:1?peers=b:1',
      `store: "peer://***@a:1?peers=b:1" is not understood; the secret belongs into HOLDFAST_PEER_SECRET. Write ${EXAMPLE}.`,
    ],
    ['peer://a:1', `store: the URL of 'peer:' names no peers. Write ${EXAMPLE}.`],
    ['peer://a?peers=b:1', `peer: self is "a". Write host:port, such as '10.0.0.1:7946'.`],
    ['peer://a:1?peers=a:1', `peerStore: there is no node beside a:1. Give two or more, or use 'memory:' for one.`],
    ['peer://a:1?peers=b:1&backups=0', `store: backups of 'peer:' is "0". Use a whole number above 0.`],
    [
      'peer://a:1?peers=b:1&backups=2',
      'peerStore: backups is 2. Use a whole number from 1 to 1: so many other nodes there are.',
    ],
    ['peer://a:1?peers=b:1&maxBytes=64MB', `store: maxBytes of 'peer:' is "64MB". Use a whole number above 0.`],
    ['peer://a:1?peers=b:1&maxSessions=-1', `store: maxSessions of 'peer:' is "-1". Use a whole number above 0.`],
    ['peer://a:1?peers=b:1&isolated=no', `peerStore: isolated is "no". Use 'serve' or 'refuse'.`],
    [
      'peer://a:1?peers=b:1&secret=x',
      `store: 'peer:' has no option "secret". It has peers, backups, isolated, listen, maxBytes and maxSessions.`,
    ],
  ])('%s is refused and says what to do', (url, message) => {
    expect(() => open(url)).toThrow(refused(message))
  })

  test('without a secret in the environment it is refused, and says how to make one', () => {
    vi.stubEnv('HOLDFAST_PEER_SECRET', '')
    expect(() => open('peer://a:1?peers=b:1')).toThrow(/needs HOLDFAST_PEER_SECRET .*randomBytes\(32\)/)
  })

  test('one of several secrets that is too short is refused, and not shown', () => {
    vi.stubEnv('HOLDFAST_PEER_SECRET', `${SECRET},short`)
    expect(() => open('peer://a:1?peers=b:1')).toThrow(
      refused(
        'store: HOLDFAST_PEER_SECRET has a comma in it and is taken for 2 secrets, newest first, of which number 2 has 5 bytes, of 32 at least. A secret has no comma; write new,old to change it.',
      ),
    )
  })

  test('a space beside the comma of two secrets is refused: it would be a part of one', () => {
    vi.stubEnv('HOLDFAST_PEER_SECRET', `${SECRET}, ${SECRET}`)
    expect(() => open('peer://a:1?peers=b:1')).toThrow(
      /is taken for 2 secrets, .* of which number 2 has a space beside it/,
    )
  })

  test.each([`${SECRET},${SECRET}2`, `${SECRET},`])(
    'two secrets are taken, an older one may be missing: %s',
    (secrets) => {
      vi.stubEnv('HOLDFAST_PEER_SECRET', secrets)
      open('peer://127.0.0.1:21001?peers=127.0.0.1:21002')
      expect(opened[0]?.name).toBe('peer')
    },
  )

  test('maxSessions and maxBytes are those of the memory of this node', async () => {
    open('peer://127.0.0.1:21001?peers=127.0.0.1:21002&maxSessions=1000&maxBytes=300')
    const record = { data: 'x'.repeat(1_000), revision: 1, tag: 'aaaaaaaa', expiresAt: Date.now() + 60_000 }
    await expect(opened[0]?.write('key', record, 'absent')).rejects.toMatchObject({ code: 'SESSION_TOO_LARGE' })
  })
})

describe('peerStore: secret', () => {
  const options = { self: '127.0.0.1:21001', peers: ['127.0.0.1:21002'] }

  test('older secrets that are not there are skipped', () => {
    opened.push(peerStore({ ...options, secret: [SECRET, undefined, ''] }))
    expect(opened[0]?.name).toBe('peer')
  })

  test.each([
    ['no secret', undefined],
    ['an empty one', ''],
    ['a list without the newest', [undefined, SECRET]],
  ])('%s is refused', (_, secret) => {
    expect(() => peerStore({ ...options, secret })).toThrow(/is missing: nodes know each other by it/)
  })

  test('peers that are no list are refused', () => {
    const wrong = { self: options.self, secret: SECRET } as PeerStoreOptions
    expect(() => peerStore(wrong)).toThrow(
      refused("peerStore: peers is missing. Give the nodes, as ['10.0.0.2:7946']."),
    )
  })
})
