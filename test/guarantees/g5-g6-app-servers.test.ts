import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AppProcess } from '../faults/fleet.js'
import { hadOneCopy, type Strike } from '../faults/load-row.js'
import { Load } from '../faults/load.js'
import { requireServer } from '../servers/require-server.js'
import { keptOf } from '../soak/kept.js'
import { startBalancedFleet, type BalancedFleet } from '../peer/balanced-fleet.js'

/** `npm run soak -- peer-kills`: 200. */
const KILLS = Number(process.env['HOLDFAST_PEER_KILLS'] ?? 5)
const MOST_PAUSE_MS = 500
const TIMEOUT_MS = 60_000 + 10_000 * KILLS
/** A node is down after two calls of 250 ms each without an answer; then a request has a deadline for opening and one for its commit. */
const WORST_MS = 2 * 250 + 850
/** What a busy machine may add, beside the time that an app stood still. */
const NOISE_MS = 3_000

describe.skipIf((await requireServer('haproxy')) === undefined)('three app servers behind HAProxy', () => {
  let fleet: BalancedFleet

  describe('that keep the sessions among themselves', () => {
    beforeAll(async () => {
      fleet = await startBalancedFleet('peer')
    })
    afterAll(() => fleet.stop())

    describe('G5 one app server may die, on peer', () => {
      test(
        'one is killed again and again: nothing acknowledged is lost, and nobody is logged out',
        async () => {
          const seen = await underLoad(fleet, () => kill(fleet, KILLS))
          console.log(`peer, ${KILLS} × kill -9: ${inWords(seen)}`)
          expect(seen).toMatchObject({ lost: 0, missing: 0, returned: 0, stale: 0 })
          expect(Object.keys(seen.failed).filter((status) => !['502', '503', 'cut'].includes(status))).toEqual([])
          expect(seen.worstWaitMs).toBeLessThan(WORST_MS + NOISE_MS + seen.loopDelayMs)
        },
        TIMEOUT_MS,
      )
    })

    describe('G6 a rolling restart, on peer', () => {
      test('all are restarted one after the other: no request fails, and nobody is logged out', async () => {
        const seen = await underLoad(fleet, async () => {
          for (const app of fleet.apps) {
            await app.leave()
            await app.restart()
            await fleet.settled()
          }
          return []
        })
        console.log(`peer, rolling restart: ${inWords(seen)}`)
        expect(seen).toMatchObject({ failed: {}, lost: 0, missing: 0, returned: 0, stale: 0 })
      }, 60_000)
    })
  })

  describe('that keep what the balancer sends them, in memory', () => {
    beforeAll(async () => {
      fleet = await startBalancedFleet('memory')
    })
    afterAll(() => fleet.stop())

    test(
      'lose the share of the one that is killed',
      async () => {
        const kills = Math.ceil(KILLS / 5)
        const seen = await underLoad(fleet, () => kill(fleet, kills))
        console.log(`sticky and memory, ${kills} × kill -9: ${inWords(seen)}`)
        expect(seen.lost).toBeGreaterThan(0)
      },
      TIMEOUT_MS,
    )
  })
})

interface Seen extends Awaited<ReturnType<typeof keptOf>> {
  readonly requests: number
  readonly failed: Readonly<Record<string, number>>
  readonly worstWaitMs: number
  readonly loopDelayMs: number
  /** Sessions of which one node alone had acknowledged a write, as it said, before one was killed; they count nowhere else. */
  readonly unsure: number
}

/** What visitors notice who come through the balancer meanwhile. */
async function underLoad(
  { apps, balancer, settled }: BalancedFleet,
  run: () => Promise<readonly Strike[]>,
): Promise<Seen> {
  const load = await Load.start({ apps: [balancer], visitors: 24, workers: 8 })
  let strikes: readonly Strike[] = []
  try {
    strikes = await run()
    await load.allServed()
  } finally {
    await load.stop()
  }
  await settled()
  const degraded = apps.map((app) => app.degraded())
  const sure = load.visitors.filter(({ id }) => !degraded.some((times) => hadOneCopy(times.get(id), strikes)))
  const reports = await Promise.all(apps.map((app) => app.report()))
  const { requests, worstWaitMs } = load
  return {
    ...(await keptOf(sure, [balancer])),
    ...{ requests, worstWaitMs: Math.round(worstWaitMs), failed: load.failed(sure) },
    loopDelayMs: Math.max(...reports.map(({ loopDelayMs }) => loopDelayMs)),
    unsure: load.visitors.length - sure.length,
  }
}

/** Any of them, at any moment, and again when all sessions have their copies. */
async function kill({ apps, settled }: BalancedFleet, times: number): Promise<Strike[]> {
  const strikes: Strike[] = []
  let copiedAt = 0
  for (let i = 0; i < times; i++) {
    await sleep(randomInt(MOST_PAUSE_MS))
    strikes.push({ copiedAt, at: Date.now() })
    const app = apps[randomInt(apps.length)] as AppProcess
    await app.kill()
    await app.restart()
    await settled()
    copiedAt = Date.now()
  }
  return strikes
}

const inWords = ({ sessions, changes, lost, missing, returned, stale, requests, failed, worstWaitMs, unsure }: Seen) =>
  `${requests} requests, failed ${JSON.stringify(failed)}, the longest took ${worstWaitMs} ms; of ${sessions} sessions ${lost} lost, ` +
  `of ${changes} acknowledged changes ${missing} lost, ${returned} logouts undone, ${stale} stale; ${unsure} unsure`
