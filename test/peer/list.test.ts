import { randomBytes } from 'node:crypto'
import { type SessionRecord, TOMBSTONE_REVISION } from '@holdfast/core'
import { peerStore, type PeerStore } from '@holdfast/peer'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'
import { PEER_SECRET } from './cluster.js'

const KEYS = Array.from({ length: 300 }, () => randomBytes(32).toString('base64url'))

const newRecord = (): SessionRecord => ({
  data: '{}',
  revision: 1,
  tag: randomBytes(6).toString('base64url'),
  expiresAt: Date.now() + 600_000,
})

/** On a busy machine a call may be late, and is made again. */
async function found(store: PeerStore, key: string): Promise<SessionRecord | undefined> {
  let record: SessionRecord | undefined
  await until('it is answered', async () => {
    record = await store.read(key)
    return true
  })
  return record
}

test('a node that is on no list any more may stop last: the others die and start again while it still has sessions', async () => {
  const names = (await Promise.all([1, 2, 3].map(async () => `127.0.0.1:${await freePort()}`))).sort()
  // It waits before it makes connections to the others, which do not know it any more.
  const stay = names.slice(0, -1)
  const gone = names.at(-1) as string
  const nodes = new Map<string, PeerStore>()
  onTestFinished(async () => void (await Promise.all([...nodes.values()].map((node) => node.close()))))
  const start = (self: string, peers: readonly string[]): void =>
    void nodes.set(self, peerStore({ self, peers, secret: PEER_SECRET }))
  const store = (name: string): PeerStore => nodes.get(name) as PeerStore
  const isReady = (name: string): boolean => store(name).health().ok

  for (const name of names) start(name, names)
  await until('all are ready', () => names.every(isReady))
  await Promise.all(KEYS.map((key) => store(gone).write(key, newRecord(), 'absent')))
  for (const name of stay) {
    await store(name).close()
    start(name, stay)
    await until('it is ready with its new list', () => isReady(name))
    for (const asked of stay.filter(isReady))
      for (const key of KEYS) expect(await found(store(asked), key)).toMatchObject({ revision: 1 })
  }
  const [over = '', ...alive] = KEYS
  await store(gone).write(over, { ...newRecord(), data: null, revision: TOMBSTONE_REVISION }, 'newer')
  await store(gone).close()
  for (const name of stay) {
    for (const key of alive) expect(await found(store(name), key)).toMatchObject({ revision: 1 })
    expect(await found(store(name), over)).toMatchObject({ data: null })
  }
})
