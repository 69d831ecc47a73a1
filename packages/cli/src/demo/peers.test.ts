import { expect, test } from 'vitest'
import { Peers } from './peers.js'

test('each app server has an address of its own for as long as the demo runs, the others as peers, and one secret', async () => {
  const peers = new Peers()
  await peers.takePorts()
  const [a, b, c] = ['A', 'B', 'C'].map((name) => peers.configOf(name))
  const [self = '', ...others] = a?.SESSION_STORE.match(/127\.0\.0\.1:\d+/g) ?? []
  expect(others).toHaveLength(2)
  expect(b?.SESSION_STORE).toBe(`peer://${others[0]}?peers=${self},${others[1]}`)
  expect(c?.SESSION_STORE).toBe(`peer://${others[1]}?peers=${self},${others[0]}`)
  for (const address of [self, ...others]) expect(Number(address.split(':')[1])).toBeLessThan(32_768)
  expect(Buffer.from(a?.HOLDFAST_PEER_SECRET ?? '', 'base64url')).toHaveLength(32)
  expect(new Set([a, b, c].map((config) => config?.HOLDFAST_PEER_SECRET)).size).toBe(1)
  await peers.takePorts()
  expect(peers.configOf('A')).toEqual(a)
})
