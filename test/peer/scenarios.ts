import type { Scenario, World } from './scenario.js'

/** A restart with nothing, at once or after a while. */
async function restart(world: World, name: string): Promise<void> {
  world.kill(name)
  await world.upTo(3_000)
  world.start(name)
  await world.untilWhole('after a restart')
}

async function pause(world: World, name: string, longest: number): Promise<void> {
  world.pause(name)
  await world.upTo(world.random() < 0.5 ? 800 : longest)
  world.resume(name)
}

/** What only these two had is lost, and told: nobody else is logged out. */
async function restartTwo(world: World): Promise<void> {
  const [first = '', second = ''] = [...world.names].sort(() => world.random() - 0.5)
  world.killTogether(first, second)
  await world.upTo(3_000)
  for (const name of [first, second]) {
    world.start(name)
    await world.upTo(500)
  }
  await world.untilWhole('after both have started')
}

const NEW = '10.0.0.9:7946'

/** Restarts each with this list, the next one when the one before is ready. */
async function roll(world: World, names: readonly string[], list: readonly string[]): Promise<void> {
  for (const name of names) {
    await Promise.race([world.drain(name), world.time.sleep(8_000)])
    await restartWith(world, name, list)
  }
}

async function restartWith(world: World, name: string, list: readonly string[]): Promise<void> {
  world.kill(name)
  await world.upTo(500)
  world.start(name, list)
  await world.until(() => world.node(name).node.isFull, `${name} is ready with its new list`)
}

/** The same in any order and way: some are killed instead of drained, and `other` starts or stops before any of them. */
async function rollAnyhow(
  world: World,
  names: readonly string[],
  list: readonly string[],
  other: () => Promise<void>,
): Promise<void> {
  const turn = Math.floor(world.random() * (names.length + 1))
  for (const [at, name] of [...names].sort(() => world.random() - 0.5).entries()) {
    if (at === turn) await other()
    if (world.random() < 0.5) await Promise.race([world.drain(name), world.time.sleep(8_000)])
    await restartWith(world, name, list)
  }
  if (turn === names.length) await other()
}

/** Drained or killed; when it was killed the others have made up for it. */
async function stop(world: World, name: string): Promise<void> {
  if (world.random() < 0.5) return leave(world, name)
  world.remove(name)
  const isMadeUp = (): boolean => [...world.nodes.values()].every(({ node }) => node.peers.get(name)?.isMadeUp ?? true)
  await world.until(isMadeUp, `what ${name} kept is elsewhere`)
}

async function leave(world: World, name: string): Promise<void> {
  await Promise.race([world.drain(name), world.time.sleep(8_000)])
  world.remove(name)
}

/** One fault at a time, each over before the next. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'no fault': { run: (world) => world.time.sleep(500) },
  'a node is killed': {
    run: async (world) => {
      world.kill(world.pick())
      await world.time.sleep(300 + world.random() * 2_000)
    },
  },
  'three of five are killed, each when the others have made up for the one before': {
    nodes: 5,
    run: async (world) => {
      const killed = [...world.names].sort(() => world.random() - 0.5).slice(0, 3)
      for (const name of killed) {
        world.kill(name)
        await world.time.sleep(1_700)
        await world.untilWhole('after a death')
      }
      // While more are away than there are backups, nobody can say that a session has expired.
      for (const name of killed) {
        world.start(name)
        await world.untilWhole('after a start')
      }
    },
  },
  'a node is killed, then another of four': {
    nodes: 4,
    run: async (world) => {
      const first = world.pick()
      world.kill(first)
      await world.time.sleep(1_700)
      await world.untilWhole('after the first')
      world.kill(world.pickOther(first))
      await world.time.sleep(1_000)
    },
  },
  'nodes are killed and start with nothing': {
    run: async (world) => {
      for (let times = 0; times < 2; times++) await restart(world, world.pick())
    },
  },
  'a node hangs': {
    run: async (world) => {
      await pause(world, world.pick(), 10_000)
      await world.time.sleep(100)
      await world.untilWhole('after it hung')
    },
  },
  'a node hangs, and is asked all the same': {
    anyNode: true,
    run: async (world) => {
      await pause(world, world.pick(), 6_000)
      await world.time.sleep(700)
    },
  },
  'a node is slow': {
    run: async (world) => {
      const name = world.pick()
      world.network.slow.add(name)
      await world.upTo(5_000)
      world.network.slow.delete(name)
      await world.time.sleep(700)
    },
  },
  'frames are late, now and then': {
    anyNode: true,
    run: async (world) => {
      world.network.lateFrames = 0.02
      await world.time.sleep(4_000)
      world.network.lateFrames = 0
      await world.time.sleep(700)
    },
  },
  'frames are late, and a node starts with nothing': {
    anyNode: true,
    run: async (world) => {
      world.network.lateFrames = 0.02
      await restart(world, world.pick())
      await world.time.sleep(500)
      world.network.lateFrames = 0
      await world.time.sleep(700)
    },
  },
  'clocks are off by 4 s, and a node starts with nothing': {
    mostClockOffMs: 4_000,
    run: async (world) => {
      await world.upTo(2_000)
      await restart(world, world.pick())
      await world.upTo(6_000)
    },
  },
  'clocks are off by 4 s, and a node hangs': {
    mostClockOffMs: 4_000,
    run: async (world) => {
      await world.upTo(2_000)
      await pause(world, world.pick(), 4_000)
      await world.upTo(6_000)
    },
  },
  'two of three are killed at once and start with nothing': {
    isCostly: true,
    run: (world) => restartTwo(world),
  },
  'two of five are killed at once and start with nothing': {
    isCostly: true,
    nodes: 5,
    run: (world) => restartTwo(world),
  },
  'nodes are far from each other, and one hangs': {
    isCostly: true,
    clients: 10,
    anyNode: true,
    run: async (world) => {
      world.network.distanceMs = 40
      for (let times = 0; times < 2; times++) {
        await world.upTo(300)
        await pause(world, world.pick(), 2_000)
        await world.time.sleep(800)
      }
    },
  },
  'nodes are far from each other, and a link is cut': {
    isCostly: true,
    clients: 10,
    anyNode: true,
    run: async (world) => {
      world.network.distanceMs = 40
      const name = world.pick()
      world.cutBetween(name, world.pickOther(name))
      await world.time.sleep(2_000)
      world.heal()
      await world.time.sleep(700)
    },
  },
  'a node is far from the others and does not hear one of them, and both are asked in a hurry': {
    isCostly: true,
    isHurried: true,
    clients: 6,
    anyNode: true,
    run: async (world) => {
      const name = world.pick()
      const other = world.pickOther(name)
      world.network.far.set(name, 60)
      world.cutBetween(name, other)
      world.asked = [name, other]
      await world.time.sleep(2_000)
      world.network.far.delete(name)
      world.heal()
      await world.time.sleep(700)
    },
  },
  'a node is drained while another is down': {
    run: async (world) => {
      const down = world.pick()
      const drained = world.pickOther(down)
      world.kill(down)
      await world.upTo(1_200)
      await Promise.race([world.drain(drained), world.time.sleep(8_000)])
      world.kill(drained)
      await world.upTo(1_000)
      world.start(drained)
      await world.upTo(1_000)
      world.start(down)
      await world.untilWhole('after both have started')
    },
  },
  'all nodes but one are drained': {
    run: async (world) => {
      const [last, ...drained] = [...world.names].sort(() => world.random() - 0.5)
      for (const name of drained) {
        await Promise.race([world.drain(name), world.time.sleep(8_000)])
        world.kill(name)
        await world.upTo(1_000)
      }
      await world.until(() => world.node(last as string).node.isSettled, 'the last is on its own')
      for (const name of drained) world.start(name)
      await world.untilWhole('after all have started')
    },
  },
  'all of five but one are drained': {
    isCostly: true,
    nodes: 5,
    run: async (world) => {
      const [last = '', ...drained] = [...world.names].sort(() => world.random() - 0.5)
      for (const name of drained) {
        await Promise.race([world.drain(name), world.time.sleep(8_000)])
        world.kill(name)
        await world.upTo(1_000)
      }
      await world.until(() => world.node(last).node.isSettled, 'the last is on its own')
    },
  },
  'nodes are drained and restarted, one after the other': {
    isCostly: true,
    run: async (world) => {
      for (const name of world.names) {
        await Promise.race([world.drain(name), world.time.sleep(8_000)])
        await restart(world, name)
      }
    },
  },
  'a node that starts hears nobody at first': {
    anyNode: true,
    run: async (world) => {
      const name = world.pick()
      world.kill(name)
      await world.upTo(500)
      world.isolate(name)
      world.start(name)
      await world.upTo(5_000)
      world.heal()
      await world.time.sleep(700)
    },
  },
  'a node starts with nothing, another is cut off': {
    anyNode: true,
    isPartition: true,
    run: async (world) => {
      const name = world.pick()
      world.kill(name)
      await world.upTo(200)
      world.isolate(world.pickOther(name))
      world.beginPartition({ logoutsCount: true })
      world.start(name)
      await world.upTo(1_500)
      world.heal()
      await world.time.sleep(1_900)
    },
  },
  'one of two starts with nothing and hears nobody': {
    nodes: 2,
    anyNode: true,
    isPartition: true,
    run: async (world) => {
      const name = world.pick()
      world.kill(name)
      await world.upTo(500)
      world.isolate(name)
      world.beginPartition({ logoutsCount: true })
      world.start(name)
      await world.upTo(8_000)
      world.heal()
      await world.time.sleep(1_900)
    },
  },
  'the link of two nodes is cut': {
    anyNode: true,
    run: async (world) => {
      const name = world.pick()
      world.cutBetween(name, world.pickOther(name))
      await world.upTo(5_000)
      world.heal()
      await world.time.sleep(700)
    },
  },
  'one direction of a link is cut': {
    anyNode: true,
    run: async (world) => {
      const name = world.pick()
      world.network.cut(name, world.pickOther(name))
      await world.upTo(5_000)
      world.heal()
      await world.time.sleep(700)
    },
  },
  'a node is cut off from the others': {
    anyNode: true,
    isPartition: true,
    run: async (world) => {
      world.beginPartition()
      world.isolate(world.pick())
      await world.upTo(6_000)
      world.heal()
      await world.time.sleep(1_900)
    },
  },
  'two of five are killed and start with nothing': {
    isCostly: true,
    nodes: 5,
    run: async (world) => {
      for (let times = 0; times < 2; times++) await restart(world, world.pick())
    },
  },
  'one of five hangs': {
    nodes: 5,
    run: async (world) => {
      await pause(world, world.pick(), 6_000)
      await world.time.sleep(700)
    },
  },
  'a node is added to the list of all': {
    isCostly: true,
    run: async (world) => {
      const list = [...world.names, NEW]
      world.start(NEW, list)
      await roll(world, world.names, list)
    },
  },
  'a node is taken from the list of all, and stops first': {
    isCostly: true,
    run: async (world) => {
      const gone = world.pick()
      const list = world.names.filter((name) => name !== gone)
      await leave(world, gone)
      await roll(world, list, list)
    },
  },
  'a node is added to the list of all, at any time': {
    isCostly: true,
    run: async (world) => {
      const list = [...world.names, NEW]
      await rollAnyhow(world, world.names, list, async () => world.start(NEW, list))
    },
  },
  'a node is taken from the list of all, and stops at any time': {
    isCostly: true,
    nodes: 4,
    run: async (world) => {
      const gone = world.pick()
      const list = world.names.filter((name) => name !== gone)
      await rollAnyhow(world, list, list, () => stop(world, gone))
    },
  },
  'a node takes the place of another': {
    isCostly: true,
    run: async (world) => {
      const gone = world.pick()
      const stay = world.names.filter((name) => name !== gone)
      await leave(world, gone)
      world.start(NEW, [...stay, NEW])
      await roll(world, stay, [...stay, NEW])
    },
  },
}
