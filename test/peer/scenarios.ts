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

/** One fault at a time, each over before the next. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'no fault': { run: (world) => world.time.sleep(500) },
  'a node is killed': {
    run: async (world) => {
      world.kill(world.pick())
      await world.time.sleep(300 + world.random() * 2_000)
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
  'nodes are drained and restarted, one after the other': {
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
}
