import { randomBytes } from 'node:crypto'
import { createEngine, type SessionRecord } from '@holdfast/core'
import type { PeerReport, PeerStatus, PeerStore } from '@holdfast/peer'
import { peerStore } from '@holdfast/peer'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'
import { PEER_SECRET, startCluster } from './cluster.js'

const KEYS = Array.from({ length: 300 }, () => randomBytes(32).toString('base64url'))

const newRecord = (): SessionRecord => ({
  data: '{}',
  revision: 1,
  tag: randomBytes(6).toString('base64url'),
  expiresAt: Date.now() + 600_000,
})

const write = (store: PeerStore, keys: readonly string[]) =>
  Promise.all(keys.map((key) => store.write(key, newRecord(), 'absent')))

const held = ({ shares }: PeerStatus): number => shares.primary + shares.backup + shares.standIn

test('status tells what each node has, who gives a lease, what is missing when nodes die, and when it is made up for', async () => {
  const { nodes, names, stop } = await startCluster()
  onTestFinished(stop)
  const [first, second, third] = nodes as [PeerStore, PeerStore, PeerStore]
  await write(first, KEYS)
  const all = await Promise.all(nodes.map((node) => node.status()))
  for (const status of all)
    expect(status).toMatchObject({ isFull: true, isLeaving: false, isDegraded: false, shares: { standIn: 0 } })
  expect(all.reduce((sum, { shares }) => sum + shares.primary, 0)).toBe(KEYS.length)
  expect(all.reduce((sum, { shares }) => sum + shares.backup, 0)).toBe(KEYS.length)
  const engine = createEngine({ secret: PEER_SECRET, store: first })
  expect(await engine.status()).toMatchObject({ self: names[0], shares: all[0]?.shares })
  for (const { peers, copiesMissing } of all) {
    expect(copiesMissing).toBe(0)
    for (const peer of peers) expect(peer).toMatchObject({ state: 'up', hasLease: true, givesLease: true, owed: 0 })
  }

  await third.close()
  await expect(third.status()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  const isDown = ({ state, hasLease, givesLease }: PeerReport): boolean => state === 'down' && !hasLease && !givesLease
  const seen = await statusWhen(first, ({ peers }) => peers.some(isDown))
  const [before, there, gone] = all as [PeerStatus, PeerStatus, PeerStatus]
  expect(seen).toMatchObject({ isDegraded: false, isSettled: false })
  expect(seen.copiesMissing).toBe(held(before) + held(gone) - KEYS.length)
  expect(seen.peers.filter(isDown).map(({ name }) => name)).toEqual([names[2]])
  const madeUp = await statusWhen(first, ({ copiesMissing, isSettled }) => copiesMissing === 0 && isSettled)
  expect(madeUp.shares).toEqual({ ...before.shares, standIn: KEYS.length - held(before) })
  expect(held(await statusWhen(second, ({ isSettled }) => isSettled))).toBe(KEYS.length)
  expect(there.shares.standIn).toBe(0)

  await second.close()
  const alone = await statusWhen(first, ({ isDegraded }) => isDegraded)
  expect(alone).toMatchObject({ copiesMissing: KEYS.length, isDegraded: true })
})

test('a node with another secret is not well and says why, whoever makes the connection; those with the right one are', async () => {
  const names = (await Promise.all([1, 2, 3].map(async () => `127.0.0.1:${await freePort()}`))).sort()
  const wrong = 'another secret of thirty-two bytes or more'
  const secrets = [wrong, PEER_SECRET, PEER_SECRET]
  const nodes = names.map((self, at) => peerStore({ self, peers: names, secret: secrets[at] }))
  onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.close()))))
  const [other, ...right] = nodes as [PeerStore, PeerStore, PeerStore]
  const reasonOf = (node: PeerStore): string => {
    const health = node.health()
    return health.ok ? '' : health.reason
  }
  await until('it says so', () => reasonOf(other).includes('TLS with'))
  expect(reasonOf(other)).toMatch(
    /^peer: 127\.0\.0\.1:\d+: it has heard no other node since it started\. TLS with 127\.0\.0\.1:\d+ failed \(\w+\)\. Check that secret is the same on both nodes\.$/,
  )
  await until('the others are well', () => right.every((node) => node.health().ok))
})

async function statusWhen(store: PeerStore, holds: (status: PeerStatus) => boolean): Promise<PeerStatus> {
  let status = await store.status()
  await until('the status is so', async () => holds((status = await store.status())))
  return status
}
