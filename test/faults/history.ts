import { until } from '../servers/until.js'
import type { Target } from './column.js'
import type { AppProcess } from './fleet.js'
import type { Stage } from './stage.js'
import type { Visitor } from './visitor.js'

const COPIED_MS = 3_000

/** How far what was acknowledged differs from what the servers tell at the end. */
export interface History {
  /** Sessions of visitors who had not logged out; where some may be lost, of those who were logged in before it was over. */
  readonly sessions: number
  /** Those of them who are out in the end. */
  readonly lost: number
  /** Acknowledged changes that are not there, in sessions that are. */
  readonly missing: number
  /** Sessions that are there although their logout was acknowledged. */
  readonly returned: number
  /** Acknowledged changes that the very next request did not see. */
  readonly stale: number
  /** Visitors to whom one of these happened and was not promised otherwise; they count nowhere else. */
  readonly unsure: readonly Visitor[]
}

/**
 * Compares each visitor's history with what the apps show, the idle one if there is one, and with what lies in
 * the servers themselves.
 */
export async function checkHistory(
  visitors: readonly Visitor[],
  overAt: number,
  { apps, idle, copies, target }: Pick<Stage, 'apps' | 'idle' | 'copies' | 'target'>,
  isUnsure: (visitor: Visitor) => boolean,
): Promise<History> {
  let [sessions, lost, missing, returned, stale] = [0, 0, 0, 0, 0]
  const unsure: Visitor[] = []
  for (const [i, visitor] of visitors.entries()) {
    const { acknowledged, cookie, login } = visitor
    if (login === 'unknown') continue
    const app = idle ?? (apps[i % apps.length] as AppProcess)
    const seen = await dataOf(app, cookie)
    const held = await heldAfterUse(visitor, app, { copies, target })
    const lies = held === 'destroyed' ? undefined : held
    const isBack = login === 'out' && (seen || lies || visitor.returned)
    const isOut = login === 'in' && (visitor.lost || !seen || !lies)
    const isMissing = (field: string): boolean => !(field in Object(seen)) || !(field in Object(lies))
    const gone = login === 'out' || isOut ? 0 : acknowledged.filter(isMissing).length
    if ((isBack || isOut || gone > 0 || visitor.stale > 0) && isUnsure(visitor)) {
      unsure.push(visitor)
      continue
    }
    stale += visitor.stale
    missing += gone
    if (isBack) returned++
    if (isOut) lost++
    if (isOut || (login === 'in' && visitor.loggedInAt < overAt)) sessions++
  }
  return { sessions, lost, missing, returned, stale, unsure }
}

/** What a server lacks it gets when the session is used, by an app that reaches it: half a second after one that did not. */
async function heldAfterUse(
  { acknowledged, id, cookie, login }: Visitor,
  app: AppProcess,
  { copies, target }: Pick<Stage, 'copies' | 'target'>,
): ReturnType<Target['stored']> {
  let held = await target.stored(id)
  const isComplete = (): boolean => login === 'out' || acknowledged.every((field) => field in Object(held))
  const endsAt = performance.now() + COPIED_MS
  while (copies > 1 && !isComplete() && performance.now() < endsAt) {
    await dataOf(app, cookie)
    held = await target.stored(id)
  }
  return held
}

/** An app that has not asked its servers since the fault may refuse at first. */
async function dataOf(app: AppProcess, cookie: string | undefined): Promise<object | undefined> {
  let answer = await app.get('/show', cookie)
  const isServed = async (): Promise<boolean> => {
    if (answer.status === 503) answer = await app.get('/show', cookie)
    return answer.status !== 503
  }
  await until('each app serves again', isServed)
  if (answer.status === 401) return undefined
  if (answer.status !== 200) throw new Error(`In the end the app answers ${answer.status}: ${answer.body}`)
  return JSON.parse(answer.body) as object
}
