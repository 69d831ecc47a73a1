import { createEngine, type Engine } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { PeerNode } from '../../packages/peer/src/peer-node.js'
import { PeerSessions } from '../../packages/peer/src/peer-sessions.js'
import type { SimulatedNetwork } from './simulated-network.js'
import type { Process, VirtualTime } from './virtual-time.js'

export type Data = Record<string, unknown>

export interface SimulatedNode {
  readonly name: string
  readonly process: Process
  readonly node: PeerNode
  readonly sessions: PeerSessions
  readonly engine: Engine<Data>
}

const SECRET = 'a secret of at least thirty-two bytes'

/** By the clock of all, at this virtual time. */
export const clockAt = (now: number): number => now + 1e12

/** Starts a process with a node and an engine over it. */
export function startNode(
  time: VirtualTime,
  network: SimulatedNetwork,
  name: string,
  names: readonly string[],
  idleMs: number,
  clockOffMs = 0,
): SimulatedNode {
  const process: Process = { isAlive: true, isPaused: false }
  const clock = (): number => clockAt(time.now) + clockOffMs
  return time.within(process, () => {
    const node = new PeerNode({
      self: name,
      others: names.filter((other) => other !== name),
      copies: 2,
      memory: memoryStore({ clock }),
      transport: network.transportOf(name, process, names),
      clock,
    })
    const sessions = new PeerSessions(node)
    void node.start()
    const engine = createEngine<Data>({ secret: SECRET, store: sessions, clock, idle: idleMs })
    return { name, process, node, sessions, engine }
  })
}
