import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Health } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { expect, test, vi } from 'vitest'
import { PeerNode } from '../../packages/peer/src/peer-node.js'
import { PeerSessions, routeNameOf } from '../../packages/peer/src/peer-sessions.js'
import { clockAt } from './nodes.js'
import { SimulatedNetwork } from './simulated-network.js'
import { type Process, VirtualTime } from './virtual-time.js'

const NAMES = ['10.0.0.1:7946', '10.0.0.2:7946', '10.0.0.3:7946'] as const
const KEY = 'a-key'

interface Started {
  readonly process: Process
  readonly node: PeerNode
  readonly sessions: PeerSessions
}

interface Options {
  /** What the transport says. */
  readonly refusal?: string
  readonly names?: readonly string[]
  readonly clockOffMs?: number
  readonly refusesAlone?: boolean
  readonly copies?: number
}

class Nodes {
  readonly time = new VirtualTime()
  readonly network = new SimulatedNetwork(this.time, () => 0.5)

  start(
    self: string,
    { names = NAMES, clockOffMs = 0, refusesAlone = false, copies = 2, refusal }: Options = {},
  ): Started {
    const process: Process = { isAlive: true, isPaused: false }
    const clock = (): number => clockAt(this.time.now) + clockOffMs
    return this.time.within(process, () => {
      const others = names.filter((name) => name !== self)
      const transport = { ...this.network.transportOf(self, process), refusal }
      const node = new PeerNode({ self, others, copies, memory: memoryStore({ clock }), transport, clock })
      void node.start()
      return { process, node, sessions: new PeerSessions(node, { refusesAlone }) }
    })
  }

  /** Nodes that have heard each other. */
  async startAll(options: Options = {}): Promise<readonly [Started, Started, Started]> {
    const [a, b, c] = NAMES.map((name) => this.start(name, options)) as [Started, Started, Started]
    await this.time.sleep(1_000)
    return [a, b, c]
  }

  cutOff(name: string): void {
    for (const other of NAMES) {
      this.network.cut(name, other)
      this.network.cut(other, name)
    }
  }

  kill(...started: readonly Started[]): void {
    for (const { process } of started) process.isAlive = false
  }
}

const inVirtualTime = (work: (nodes: Nodes) => Promise<void>) => (): Promise<void> => {
  const nodes = new Nodes()
  return nodes.time.run(() => work(nodes))
}

const WELL: Health = { ok: true }
const ill = (why: string): Health => ({ ok: false, reason: `peer: ${NAMES[0]}: ${why}.` })

const record = (clock: number) => ({
  data: null,
  revision: Number.MAX_SAFE_INTEGER,
  tag: 'aaaaaaaa',
  expiresAt: clock + 1e7,
})

test(
  'a node is well when all that it has heard have brought it its share',
  inVirtualTime(async (nodes) => {
    const [name, second, third] = NAMES
    const { sessions } = nodes.start(name)
    expect(sessions.health()).toEqual(ill('it has not been brought its share yet; it has heard no other node'))
    await expect(sessions.ready()).rejects.toThrow(/^peer: 10\.0\.0\.1:7946 is not ready: it has not been brought/)
    nodes.start(second)
    nodes.start(third)
    await nodes.time.sleep(1_000)
    expect(sessions.health()).toEqual(WELL)
    await sessions.ready()
  }),
)

test(
  'one that starts alone waits 3 s for the others, then it serves; the balancer is told to look elsewhere for 10 s',
  inVirtualTime(async (nodes) => {
    const { sessions } = nodes.start(NAMES[0])
    await nodes.time.sleep(2_900)
    expect(sessions.health()).toEqual(ill('it has not been brought its share yet; it has heard no other node'))
    await nodes.time.sleep(300)
    await sessions.ready()
    expect(sessions.health()).toEqual(ill('it hears no other node'))
    await nodes.time.sleep(7_000)
    expect(sessions.health()).toEqual(WELL)
  }),
)

test(
  'a node that is cut off says so for 10 s, serves alone after 3 s, and is well at once when it hears somebody',
  inVirtualTime(async (nodes) => {
    const [{ sessions }, ...others] = await nodes.startAll()
    nodes.cutOff(NAMES[0])
    await nodes.time.sleep(2_000)
    expect(sessions.health()).toEqual(ill('it hears no other node'))
    const unavailable = { code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/gone on without this one/) }
    const write = sessions.write(KEY, record(clockAt(nodes.time.now)), 'newer')
    await expect(write).rejects.toMatchObject(unavailable)
    await expect(sessions.read(KEY)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    await nodes.time.sleep(2_000)
    const keys = Array.from({ length: 30 }, (_, at) => `key-${at}`)
    for (const key of keys) {
      expect(await sessions.write(key, record(clockAt(nodes.time.now)), 'newer')).toEqual({ written: true })
      expect(await sessions.read(key)).toBeDefined()
    }
    await nodes.time.sleep(9_000)
    expect(sessions.health()).toEqual(WELL)
    nodes.network.heal()
    await nodes.time.sleep(1_000)
    expect(sessions.health()).toEqual(WELL)
    for (const key of keys)
      for (const { process, sessions: seen } of others)
        expect(await nodes.time.within(process, () => seen.read(key))).toBeDefined()
  }),
)

test(
  'one that others refuse is not well, however long it is alone; one that heard another is cut off, no more',
  inVirtualTime(async (nodes) => {
    const refusal = 'TLS with 10.0.0.2:7946 failed (E). Check that secret is the same on both nodes.'
    const [name, second] = NAMES
    const { sessions } = nodes.start(name, { refusal })
    await nodes.time.sleep(20_000)
    expect(sessions.health()).toEqual(ill(`it has heard no other node since it started. ${refusal.slice(0, -1)}`))
    await expect(sessions.ready()).rejects.toThrow(refusal)
    const other = nodes.start(second)
    await nodes.time.sleep(1_000)
    expect(sessions.health()).toEqual(WELL)
    nodes.kill(other)
    await nodes.time.sleep(20_000)
    expect(sessions.health()).toEqual(WELL)
  }),
)

test(
  'with isolated: refuse it answers nothing, for as long as that lasts',
  inVirtualTime(async (nodes) => {
    const [{ sessions }] = await nodes.startAll({ refusesAlone: true })
    nodes.cutOff(NAMES[0])
    await nodes.time.sleep(20_000)
    expect(sessions.health()).toEqual(ill('it hears no other node'))
    const refused = { code: 'STORE_UNAVAILABLE', refused: true, message: expect.stringContaining('isolated is refuse') }
    await expect(sessions.read(KEY)).rejects.toMatchObject(refused)
    await expect(sessions.write(KEY, record(clockAt(nodes.time.now)), 'newer')).rejects.toMatchObject(refused)
    nodes.network.heal()
    await nodes.time.sleep(1_000)
    expect(await sessions.read(KEY)).toBeUndefined()
  }),
)

test(
  'of two nodes neither counts as cut off: nobody can say which of them is',
  inVirtualTime(async (nodes) => {
    const names = NAMES.slice(0, 2)
    const [first, second] = names.map((name) => nodes.start(name, { names, refusesAlone: true })) as [Started, Started]
    await nodes.time.sleep(1_000)
    nodes.kill(second)
    await nodes.time.sleep(2_000)
    expect(first.sessions.health()).toEqual(WELL)
    await first.sessions.write(KEY, record(clockAt(nodes.time.now)), 'newer')
    expect(await first.sessions.read(KEY)).toMatchObject({ tag: 'aaaaaaaa' })
  }),
)

test(
  'a node whose clock is two hours off those of two others says so; the others do not',
  inVirtualTime(async (nodes) => {
    const [name, second, third] = NAMES
    const off = nodes.start(name, { clockOffMs: 7_200_000 })
    const others = [nodes.start(second), nodes.start(third)]
    await nodes.time.sleep(1_000)
    expect(off.sessions.health()).toEqual(ill('its clock is more than 5 s off those of the other nodes'))
    expect(others.map(({ sessions }) => sessions.health())).toEqual([WELL, WELL])
    const seen = await others[0]?.node.status()
    expect(seen?.peers.find(({ name: peer }) => peer === name)?.clockOffMs).toBeGreaterThan(7_190_000)
  }),
)

test(
  'a node that drains is ill at once, has no lease, and what only it had is on the others when it is done',
  inVirtualTime(async (nodes) => {
    const [first, second, third] = await nodes.startAll()
    const keys = Array.from({ length: 60 }, (_, at) => `key-${at}`)
    for (const key of keys) await first.sessions.write(key, record(clockAt(nodes.time.now)), 'newer')
    const draining = nodes.time.within(first.process, () => first.sessions.drain())
    expect(first.sessions.health()).toEqual(ill('it is leaving'))
    await draining
    expect((await first.node.status()).peers.some(({ hasLease }) => hasLease)).toBe(false)
    nodes.kill(first)
    for (const { node } of [second, third])
      for (const key of keys) expect(await node.memory.read(key)).toMatchObject({ tag: 'aaaaaaaa' })
  }),
)

test(
  'who leaves gets no calls: a write of its share goes to the other and the next in rank',
  inVirtualTime(async (nodes) => {
    const [first, second, third] = await nodes.startAll()
    await nodes.time.within(first.process, () => first.sessions.drain())
    const key = keyWithFirst(second.node, first.node.self)
    await nodes.time.within(second.process, () => second.sessions.write(key, record(clockAt(nodes.time.now)), 'newer'))
    expect(await first.node.memory.read(key)).toBeUndefined()
    expect(await second.node.memory.read(key)).toBeDefined()
    expect(await third.node.memory.read(key)).toBeDefined()
  }),
)

test(
  'the first in rank reads without a message while it has its lease, and asks when it has none',
  inVirtualTime(async (nodes) => {
    const [first, second] = await nodes.startAll()
    const key = keyWithFirst(first.node, first.node.self)
    await nodes.time.within(first.process, () => first.sessions.write(key, record(clockAt(nodes.time.now)), 'newer'))
    expect(first.node.mayAnswer(key)).toBe(true)
    expect(second.node.mayAnswer(key)).toBe(false)
    for (const name of NAMES) nodes.network.cut(first.node.self, name)
    await nodes.time.sleep(500)
    expect(first.node.mayAnswer(key)).toBe(false)
  }),
)

test(
  'a write that skipped the primary is not acknowledged when the backup that took it cannot be told: the primary may not see it',
  inVirtualTime(async (nodes) => {
    const [first, , third] = await nodes.startAll()
    const [a, b, c] = NAMES
    const cut = (one: string, other: string): void => {
      nodes.network.cut(one, other)
      nodes.network.cut(other, one)
    }
    cut(a, c)
    await nodes.time.sleep(2_000)
    const [key = ''] = Array.from({ length: 200 }, (_, at) => `key-${at}`).filter((one) => {
      const [primary, backup] = first.node.places.rank(one).map(({ name }) => name)
      return primary === a && backup === b
    })
    const written = nodes.time
      .within(third.process, () => third.sessions.write(key, record(clockAt(nodes.time.now)), 'newer'))
      .then(
        () => 'acknowledged',
        ({ code }: { readonly code: string }) => code,
      )
    while (!(await third.node.memory.read(key))) await nodes.time.sleep(0.1)
    cut(b, c)
    expect(await written).toBe('STORE_UNAVAILABLE')
    expect(first.node.mayAnswer(key)).toBe(true)
    expect(await first.sessions.read(key)).toBeUndefined()
  }),
)

test(
  'a backup that starts again at once does not know which lease it gave: a write waits for that one too',
  inVirtualTime(async (nodes) => {
    const [first, second, third] = await nodes.startAll()
    const [a, b, c] = NAMES
    nodes.network.cut(a, c)
    nodes.network.cut(c, a)
    await nodes.time.sleep(2_000)
    const keys = Array.from({ length: 200 }, (_, at) => `key-${at}`)
    const wanted = keys.filter((key) => {
      const [primary, backup] = first.node.places.rank(key).map(({ name }) => name)
      return primary === a && backup === b
    })
    nodes.kill(second)
    nodes.start(b)
    let stale = 0
    for (const key of wanted) {
      const write = () => third.sessions.write(key, record(clockAt(nodes.time.now)), 'newer')
      const isTaken = await nodes.time.within(third.process, write).then(
        () => true,
        () => false,
      )
      if (isTaken && first.node.mayAnswer(key) && (await first.sessions.read(key)) === undefined) stale++
      await nodes.time.sleep(10)
    }
    expect(stale).toBe(0)
  }),
)

test(
  'with two backups two of four may die at once: the others have every session, and bring each other what nobody read',
  inVirtualTime(async (nodes) => {
    const names = [...NAMES, '10.0.0.4:7946']
    const all = names.map((name) => nodes.start(name, { names, copies: 3 })) as [Started, Started, Started, Started]
    await nodes.time.sleep(1_000)
    const keys = Array.from({ length: 60 }, (_, at) => `key-${at}`)
    for (const key of keys) await all[0].sessions.write(key, record(clockAt(nodes.time.now)), 'newer')
    nodes.kill(all[0], all[1])
    for (const { process, sessions } of all.slice(2))
      for (const key of keys.slice(0, 30))
        expect(await nodes.time.within(process, () => sessions.read(key))).toBeDefined()
    const events: unknown[] = []
    const collect = (event: unknown): void => void events.push(event)
    subscribe('holdfast:store', collect)
    await nodes.time.sleep(5_000)
    unsubscribe('holdfast:store', collect)
    for (const { node } of all.slice(2)) for (const key of keys) expect(await node.memory.read(key)).toBeDefined()
    expect(events).toContainEqual({ type: 'swept', store: names[3], records: expect.any(Number) as number })
  }),
)

test(
  'a node that was closed answers nothing, and says so of its health',
  inVirtualTime(async (nodes) => {
    const [{ sessions }] = await nodes.startAll()
    await sessions.close()
    await sessions.close()
    expect(sessions.health()).toEqual(ill('it is closed'))
    for (const key of ['key-0', 'key-1', 'key-2', 'key-3']) {
      await expect(sessions.read(key)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      const write = sessions.write(key, record(clockAt(nodes.time.now)), 'newer')
      await expect(write).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    }
  }),
)

test(
  'a node that answers that it cannot is there all the same',
  inVirtualTime(async (nodes) => {
    const [first, second] = await nodes.startAll()
    vi.spyOn(second.node.memory, 'read').mockRejectedValue(new Error('something broke'))
    const reads = Array.from({ length: 20 }, (_, at) => first.sessions.read(`key-${at}`))
    await nodes.time.within(first.process, () => Promise.all(reads))
    expect(first.node.peers.get(NAMES[1])?.state).toBe('up')
  }),
)

test(
  'each node tells the same two nodes for a key, by names that fit into a route cookie',
  inVirtualTime(async (nodes) => {
    const all = await nodes.startAll()
    const [ranks, ...more] = all.map(({ sessions }) => sessions.nodesOf(KEY))
    expect(more).toEqual([ranks, ranks])
    expect([...(ranks ?? [])].sort()).toEqual(['10-0-0-1-7946', '10-0-0-2-7946', '10-0-0-3-7946'])
  }),
)

test('nodes with long names have different ones in a route cookie, whatever they begin and end with', () => {
  const names = ['app-0', 'app-1'].map((host) => `${host}.app.production.svc.cluster.local:7946`)
  const routes = names.map(routeNameOf)
  expect(new Set(routes).size).toBe(2)
  for (const route of routes) expect(route).toMatch(/^app-[01]-app-production-s[\w-]{1,12}$/)
})

function keyWithFirst(node: PeerNode, name: string): string {
  for (let at = 0; ; at++) if (node.places.rank(`key-${at}`)[0]?.name === name) return `key-${at}`
}
