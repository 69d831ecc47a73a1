import { randomBytes } from 'node:crypto'
import type { SessionRecord } from '@holdfast/core'
import { replyFrame, requestFrame } from '../../packages/peer/src/wire.js'
import type { PeerRequest } from '../../packages/peer/src/messages.js'
import type { PeerTransport } from '../../packages/peer/src/transport.js'
import { clockAt, type SimulatedNode, startNode } from '../peer/nodes.js'
import { SimulatedNetwork } from '../peer/simulated-network.js'
import { VirtualTime } from '../peer/virtual-time.js'

/** Sessions that are simulated, and those that the figures are for. */
const SIMULATED = [1_000, 2_000] as const
const SESSIONS = 1_000_000
const DATA_BYTES = 200
const TRIES = 60
const TLS_BYTES = 22
const IDLE_MS = 12 * 3_600_000

interface Cost {
  messages: number
  bytes: number
}

/** Real nodes in virtual time: what they say to each other, as the bytes that would go over the wire. */
class CountingNetwork extends SimulatedNetwork {
  readonly counted: Cost = { messages: 0, bytes: 0 }
  readonly heartbeats: Cost = { messages: 0, bytes: 0 }

  override transportOf(...args: Parameters<SimulatedNetwork['transportOf']>): PeerTransport {
    const transport = super.transportOf(...args)
    return {
      ...transport,
      call: async (peer, request) => {
        this.#count(request.op, requestFrame(1, request).length)
        const reply = await transport.call(peer, request)
        this.#count(request.op, replyFrame(1, request.op, reply).length)
        return reply
      },
    }
  }

  #count(op: PeerRequest['op'], bytes: number): void {
    const cost = op === 'ping' ? this.heartbeats : this.counted
    cost.messages += 1
    cost.bytes += bytes + TLS_BYTES
  }
}

export async function peerCost(): Promise<void> {
  console.log(
    `What peers send, by simulation of the real nodes: ${DATA_BYTES} B sessions, frames and TLS, without TCP and IP.\n` +
      `Per million sessions: from ${SIMULATED.join(' and ')} that were simulated; the two agree within the range shown.\n`,
  )
  for (const nodes of [3, 10, 30]) {
    const small = await measure(nodes, SIMULATED[0])
    const large = await measure(nodes, SIMULATED[1])
    console.log(`${nodes} nodes`)
    for (const [what, cost] of Object.entries(large.each)) print(what, cost, 'a request')
    print('heartbeats', large.heartbeats, 'a second and node')
    for (const what of ['leaves', 'comes back'] as const) {
      const range = [perMillion(small[what], SIMULATED[0]), perMillion(large[what], SIMULATED[1])]
      console.log(`  ${`a node that ${what}`.padEnd(34)} ${range.join(' to ')} MiB in all`)
    }
    console.log('')
  }
}

/** MiB for so many sessions; messages are fewer for each the more there are, as they go in batches. */
const perMillion = ({ bytes }: Cost, sessions: number): string => number(((bytes / sessions) * SESSIONS) / 1_048_576)

const number = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en'))
const print = (what: string, { messages, bytes }: Cost, per: string): void =>
  console.log(`  ${what.padEnd(34)} ${number(messages).padStart(8)} messages, ${number(bytes).padStart(8)} B ${per}`)

async function measure(count: number, sessions: number) {
  const time = new VirtualTime()
  const network = new CountingNetwork(time, () => 0.5)
  const names = Array.from({ length: count }, (_, at) => `10.0.0.${at + 1}:7946`)
  const each: Record<string, Cost> = {}
  let heartbeats: Cost = { messages: 0, bytes: 0 }
  let leaves: Cost = heartbeats
  let comesBack: Cost = heartbeats
  await time.run(async () => {
    const nodes = new Map(names.map((name) => [name, startNode(time, network, name, names, IDLE_MS)]))
    const all = (): SimulatedNode[] => [...nodes.values()].filter(({ process }) => process.isAlive)
    const settled = async (): Promise<void> => {
      while (!all().every(({ node }) => node.isSettled)) await time.sleep(50)
    }
    const cost = async (run: () => Promise<unknown>, of: Cost = network.counted): Promise<Cost> => {
      const before = { ...of }
      await run()
      return { messages: of.messages - before.messages, bytes: of.bytes - before.bytes }
    }
    const [anyone] = all() as [SimulatedNode]
    const record = (revision: number): SessionRecord => ({
      data: randomBytes(DATA_BYTES / 2).toString('hex'),
      revision,
      tag: randomBytes(6).toString('base64url'),
      expiresAt: clockAt(time.now) + IDLE_MS,
    })

    await settled()
    const keys = Array.from({ length: sessions }, () => randomBytes(32).toString('base64url'))
    for (const key of keys) await time.within(anyone.process, () => anyone.sessions.write(key, record(1), 'absent'))
    await time.sleep(1_000)

    for (const [place, title] of [
      [0, 'at the first in rank'],
      [1, 'at the second'],
      [2, 'elsewhere'],
    ] as const) {
      const tried = keys.slice(0, TRIES)
      const at = (key: string): SimulatedNode =>
        nodes.get(anyone.node.places.rank(key)[place]?.name ?? '') as SimulatedNode
      const read = await cost(async () => {
        for (const key of tried) await time.within(at(key).process, () => at(key).sessions.read(key))
      })
      const both = await cost(async () => {
        for (const key of tried) {
          await time.within(at(key).process, async () => {
            const replaces = await at(key).sessions.read(key)
            if (replaces) await at(key).sessions.write(key, record(replaces.revision + 1), { replaces })
          })
        }
      })
      each[`a read ${title}`] = { messages: read.messages / TRIES, bytes: read.bytes / TRIES }
      each[`a read and a change ${title}`] = { messages: both.messages / TRIES, bytes: both.bytes / TRIES }
    }

    const seconds = 10
    const beats = await cost(() => time.sleep(seconds * 1_000), network.heartbeats)
    heartbeats = { messages: beats.messages / seconds / count, bytes: beats.bytes / seconds / count }

    const gone = names[count - 1] as string
    ;(nodes.get(gone) as SimulatedNode).process.isAlive = false
    leaves = await cost(async () => {
      await time.sleep(3_000)
      await settled()
    })
    comesBack = await cost(async () => {
      nodes.set(gone, startNode(time, network, gone, names, IDLE_MS))
      await time.sleep(1_000)
      await settled()
    })
    for (const { process } of nodes.values()) process.isAlive = false
  })
  return { each, heartbeats, leaves, 'comes back': comesBack }
}
