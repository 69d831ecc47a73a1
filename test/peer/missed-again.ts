import type { SessionRecord } from '@holdfast/core'
import { clockAt, type SimulatedNode, startNode } from './nodes.js'
import { randomFrom } from './seeded.js'
import { SimulatedNetwork } from './simulated-network.js'
import { VirtualTime } from './virtual-time.js'

const NAMES = ['10.0.0.1:7946', '10.0.0.2:7946', '10.0.0.3:7946'] as const
const ROUNDS = 40
const IDLE_MS = 1_800_000

/**
 * A node cannot be reached by another one, which changes a session of it twice, the second time while the first change is on
 * its way to it. Resolves to how many acknowledged changes it did not show.
 */
export async function missedAgain(): Promise<number> {
  const time = new VirtualTime()
  const network = new SimulatedNetwork(time, randomFrom(1))
  let stale = 0
  await time.run(async () => {
    const nodes = NAMES.map((name) => startNode(time, network, name, NAMES, IDLE_MS))
    await time.sleep(1_000)
    const [primary, , writer] = nodes as [SimulatedNode, SimulatedNode, SimulatedNode]
    network.far.set(primary.name, 25)
    network.cut(writer.name, primary.name)
    network.cut(primary.name, writer.name)
    const keys = keysOf(nodes as [SimulatedNode, SimulatedNode, SimulatedNode])
    const write = (key: string, revision: number): Promise<unknown> =>
      time.within(writer.process, () =>
        writer.sessions.write(
          key,
          recordOf(time.now, revision),
          revision === 1 ? 'absent' : { replaces: recordOf(time.now, revision - 1) },
        ),
      )
    await time.sleep(1_000)
    for (const [round, key] of keys.entries()) {
      const first = write(key, 1)
      await time.sleep(10 + round * 8)
      await Promise.all([first, write(key, 2)])
      for (let looks = 0; looks < 10; looks++) {
        const seen = await time.within(primary.process, () => primary.node.mayAnswer(key) && primary.sessions.read(key))
        if (seen && seen.revision !== 2) stale += 1
        await time.sleep(50)
      }
    }
  })
  return stale
}

const recordOf = (now: number, revision: number): SessionRecord => ({
  ...{ data: '{}', revision, tag: `write-${revision}0` },
  expiresAt: clockAt(now) + IDLE_MS,
})

/** Keys of which the first node is the primary, and the second the backup. */
function keysOf([{ node, name: first }, { name: second }]: readonly [
  SimulatedNode,
  SimulatedNode,
  SimulatedNode,
]): string[] {
  const keys: string[] = []
  for (let at = 0; keys.length < ROUNDS; at++) {
    const [primary, backup] = node.places.rank(`key-${at}`).map(({ name }) => name)
    if (primary === first && backup === second) keys.push(`key-${at}`)
  }
  return keys
}
