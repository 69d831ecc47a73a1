import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../servers/until.js'
import type { TargetOptions, Victim } from './column.js'
import type { AppProcess, AppReport } from './fleet.js'
import { checkHistory, type History } from './history.js'
import { Load } from './load.js'
import type { LoadRun, Row } from './row.js'
import type { Stage } from './stage.js'
import type { Visitor } from './visitor.js'

/** What a fault may cost. Whatever is not named here must not happen; where sessions have copies, only failures may. */
export interface Cost {
  /** Logins. Default: none. */
  readonly sessions?: 'all' | 'some'
  /** Acknowledged changes, and acknowledged logouts with them. Default: none. */
  readonly tail?: boolean
  /** Statuses of failed requests, beside 503. */
  readonly failures?: readonly string[]
  /** Not even a 503. */
  readonly refusals?: 'none'
}

export interface LoadRow extends Pick<Row, 'number' | 'title' | 'expected'> {
  readonly needs?: TargetOptions
  /** Does the harm to one server and ends it. */
  strike(victim: Victim, run: LoadRun, stage: Stage): Promise<void>
  readonly cost?: Cost | ((victim: Victim) => Cost)
}

/** Where the server is an app itself, what was under way in it has no answer. */
export const cutIn = ({ app }: Victim): Cost => ({ failures: app ? ['cut'] : [] })

/** A request's budgets beside the time of its handler: opening 250 ms, the commit 600 ms. */
const BUDGET_MS = 850
/** What a busy machine may add, beside the time that a process stood still. */
const NOISE_MS = 1_000

/** The part of the requests that is hardly a 503: a call that is late on a busy machine is one. Without copies it is half. */
const HARDLY = 0.1

interface Found {
  readonly load: Load
  readonly history: History
  /** Of those whose history counts. */
  readonly failed: Readonly<Record<string, number>>
  readonly rejections: number
  readonly loopDelayMs: number
  /**
   * Reads that were said to come from fewer servers than they should: they may be old. Where the apps are the servers, writes
   * that were said to be on one side alone too: the other may not show them yet.
   */
  readonly maybeOld: number
}

/** A row whose fault strikes while visitors come and go. Rejects when they are not served again. */
export function loadRow({ strike, cost = {}, ...row }: LoadRow): Row {
  return {
    ...row,
    async run(stage, scale) {
      const before = await countsOf(stage, { reset: true })
      const maybeOldBefore = await maybeOldOf(stage)
      let copiedAt = Date.now()
      const load = await Load.start({ apps: stage.apps, asksHealth: stage.target.nodes !== undefined, ...scale })
      const victims = await stage.target.victims()
      const strikes: Strike[] = []
      let overAt = performance.now()
      const loadRun: LoadRun = {
        hold: () => sleep(scale.holdMs),
        served: () => load.allServed(),
        over: () => void (overAt = performance.now()),
      }
      try {
        for (const victim of victims) {
          strikes.push({ copiedAt, at: Date.now() })
          await strike(victim, loadRun, stage)
          await load.allServed()
          if (stage.copies > 1) copiedAt = await untilCopied(load, stage)
        }
      } finally {
        await load.stop()
      }
      await stage.target.settled()
      const { late, rejections, loopDelayMs, degraded } = await countsOf(stage)
      const isUnsure = ({ id }: Visitor): boolean => hadOneCopy(degraded.get(id), strikes)
      const allowed = costOn(stage, cost, victims)
      const history = await checkHistory(load.visitors, allowed.sessions ? overAt : Infinity, stage, isUnsure)
      const maybeOld = Math.max(0, (await maybeOldOf(stage)) - maybeOldBefore)
      const sure = load.visitors.filter((visitor) => !history.unsure.includes(visitor))
      const found = {
        ...{ load, history, loopDelayMs, maybeOld, rejections: Math.max(0, rejections - before.rejections) },
        failed: load.failed(sure),
      }
      return {
        ...{ lost: history.lost, missing: history.missing, sessions: history.sessions },
        ...{ requests: load.requests, failed: load.failed(), worstWaitMs: Math.round(load.worstWaitMs) },
        recoveredMs: Math.round(Math.max(0, load.lastFailureAt - overAt)),
        late: Math.max(0, late - before.late),
        note: noteOn(history),
        broken: [...brokenBy(found, allowed), ...(stage.copies > 1 ? refusedBy(found) : [])],
      }
    },
  }
}

const noteOn = ({ returned, stale }: History): string =>
  [
    ...(returned > 0 ? [`${returned} logouts were undone`] : []),
    ...(stale > 0 ? [`${stale} changes were not seen by the next request`] : []),
  ].join('; ')

function costOn({ copies }: Stage, cost: LoadRow['cost'] = {}, [victim]: readonly Victim[]): Cost {
  const all = typeof cost === 'function' ? cost(victim as Victim) : cost
  return copies > 1 ? { failures: all.failures ?? [], ...(all.refusals && { refusals: all.refusals }) } : all
}

/** A server that has just died may cost some of the calls that were under way; after that the others serve. */
const refusedBy = ({ failed, history: { unsure }, load: { requests, visitors } }: Found): string[] => [
  ...((failed['503'] ?? 0) > requests * HARDLY ? [`${failed['503']} of ${requests} requests were refused`] : []),
  ...(unsure.length > visitors.length * HARDLY
    ? [`${unsure.length} sessions were lost that one server alone had acknowledged just before`]
    : []),
]

/** Ms since the epoch. */
export interface Strike {
  /** All that was acknowledged until then was on all its servers. */
  readonly copiedAt: number
  readonly at: number
}

/**
 * What one server alone had acknowledged right before it was struck, which it said by an event (`degraded`), is not
 * promised: on a busy machine the other one may have been late.
 */
export const hadOneCopy = (degradedAt: readonly number[] = [], strikes: readonly Strike[]): boolean =>
  degradedAt.some((time) => strikes.some(({ copiedAt, at }) => time >= copiedAt && time <= at))

/** The next fault may strike another server only when what this one missed was brought to it. Resolves to when it was. */
async function untilCopied(load: Load, { apps, target }: Stage): Promise<number> {
  await until('each app writes to all servers again', async () => {
    const before = await eventsOf(apps, 'degraded')
    await load.allServed()
    const away = (await eventsOf(apps, 'breaker-opened')) - (await eventsOf(apps, 'breaker-closed'))
    return away === 0 && (await eventsOf(apps, 'degraded')) === before
  })
  await load.allServed()
  const copiedAt = Date.now()
  await load.allStored(target)
  return copiedAt
}

const maybeOldOf = async ({ apps, target }: Stage): Promise<number> =>
  (await eventsOf(apps, 'degraded-read')) + (target.nodes ? await eventsOf(apps, 'degraded-write') : 0)

async function eventsOf(apps: readonly AppProcess[], type: string): Promise<number> {
  const reports = await Promise.all(apps.map((app) => app.report()))
  return reports.reduce((sum, { events }) => sum + (events[type] ?? 0), 0)
}

async function countsOf(
  { apps }: Stage,
  { reset = false } = {},
): Promise<{ late: number; rejections: number; loopDelayMs: number; degraded: Map<string, number[]> }> {
  const reports = await Promise.all(apps.map((app) => app.report({ reset })))
  const sum = (count: (report: AppReport) => number): number => reports.reduce((all, report) => all + count(report), 0)
  const degraded = new Map<string, number[]>()
  for (const app of apps)
    for (const [id, times] of app.degraded()) degraded.set(id, [...(degraded.get(id) ?? []), ...times])
  return {
    degraded,
    late: sum(({ events }) => events['late-reply'] ?? 0),
    rejections: sum(({ rejections }) => rejections),
    loopDelayMs: Math.max(...reports.map(({ loopDelayMs }) => loopDelayMs)),
  }
}

function brokenBy({ load, history, failed, rejections, loopDelayMs, maybeOld }: Found, cost: Cost): string[] {
  const { sessions, tail = false, failures = [], refusals } = cost
  const { lost, missing, returned, stale } = history
  // A session that is gone is a 401 to its visitor, and a 409 to a request that had it open.
  const allowed = new Set([...(refusals ? [] : ['503']), ...failures, ...(sessions ? ['401', '409'] : [])])
  const unexpected = Object.keys(failed).filter((status) => !allowed.has(status))
  return [
    ...(lost > 0 && !sessions ? [`${lost} sessions were lost`] : []),
    ...(missing > 0 && !tail ? [`${missing} acknowledged changes were lost`] : []),
    ...(returned > 0 && !tail ? [`${returned} sessions came back after their logout`] : []),
    ...(stale > maybeOld && !tail ? [`${stale} acknowledged changes were not seen by the next request`] : []),
    ...unexpected.map((status) => `${failed[status]} requests ended with ${status}`),
    ...(load.worstWaitMs > BUDGET_MS + NOISE_MS + loopDelayMs
      ? [`a request took ${Math.round(load.worstWaitMs)} ms`]
      : []),
    ...(rejections > 0 ? [`${rejections} unhandled rejections`] : []),
  ]
}
