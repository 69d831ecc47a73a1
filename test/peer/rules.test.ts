import { expect, test } from 'vitest'
import { missedAgain } from './missed-again.js'
import { World } from './scenario.js'
import { scenarios } from './scenarios.js'
import { withoutRule } from './without-rules.js'

/** Where each rule is needed: a kind of fault, and the first of the runs that show it without the rule. */
const shownBy: Readonly<Record<string, readonly [kind: string, seed: number]>> = {
  'absence is believed, though too few answered': ['a node that starts hears nobody at first', 1],
  'a node that is filling is believed': ['one of two starts with nothing and hears nobody', 1],
  'a node vouches, though it has not heard everybody': ['one of two starts with nothing and hears nobody', 1],
  'the first in rank answers alone without a lease': ['a node is slow', 1],
  'a write that skipped the first in rank does not wait for its lease': ['the link of two nodes is cut', 1],
  'nothing is owed': ['the link of two nodes is cut', 1],
  'no copies are made up after a death': ['a node is killed, then another of four', 1],
  'nothing is handed over at a drain': ['a node is drained while another is down', 1],
  'a lease is given before the sweep has ended': ['nodes are far from each other, and one hangs', 35],
  'a lease counts from when its answer came': ['nodes are far from each other, and one hangs', 22],
}
const RUNS = 30

/** How many runs it takes until something is broken. */
async function runsUntilBroken(kind: string, from: number): Promise<number> {
  for (let run = 0; run < RUNS; run++) {
    const scenario = scenarios[kind]
    if (!scenario) throw new Error(`There is no kind of fault '${kind}'.`)
    if ((await new World(scenario, from + run).run()).length > 0) return run + 1
  }
  return Infinity
}

test.each(Object.entries(shownBy))('the runs show it where %s', async (rule, [kind, from]) => {
  const giveBack = withoutRule[rule]?.()
  try {
    expect(await runsUntilBroken(kind, from)).toBeLessThanOrEqual(RUNS)
  } finally {
    giveBack?.()
  }
})

test('what a node missed again, while it was brought what it missed, stays owed to it: else it shows what is old', async () => {
  expect(await missedAgain()).toBe(0)
  const giveBack = withoutRule['an owed key is struck off, though it was written again meanwhile']?.()
  try {
    expect(await missedAgain()).toBeGreaterThan(0)
  } finally {
    giveBack?.()
  }
})
