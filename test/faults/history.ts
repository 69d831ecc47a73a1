import { until } from '../servers/until.js'
import type { AppProcess } from './fleet.js'
import type { Stage } from './stage.js'
import type { Visitor } from './visitor.js'

/** How far what was acknowledged differs from what the servers tell at the end. */
export interface History {
  /** Sessions of visitors who were logged in before the fault was over, and had not logged out. */
  readonly sessions: number
  /** Those of them who are out in the end. */
  readonly lost: number
  /** Acknowledged changes that are not there, in sessions that are. */
  readonly missing: number
  /** Sessions that are there although their logout was acknowledged. */
  readonly returned: number
  /** Acknowledged changes that the very next request did not see. */
  readonly stale: number
}

/** Compares each visitor's history with what the apps show and with what lies in the servers themselves. */
export async function checkHistory(
  visitors: readonly Visitor[],
  overAt: number,
  { apps, target }: Pick<Stage, 'apps' | 'target'>,
): Promise<History> {
  let [sessions, lost, missing, returned, stale] = [0, 0, 0, 0, 0]
  for (const [i, visitor] of visitors.entries()) {
    const { acknowledged, id, cookie, login } = visitor
    if (login === 'unknown') continue
    stale += visitor.stale
    const seen = await dataOf(apps[i % apps.length] as AppProcess, cookie)
    const held = await target.stored(id)
    const lies = held === 'destroyed' ? undefined : held
    if (login === 'out') {
      if (seen || lies || visitor.returned) returned++
      continue
    }
    const isOut = visitor.lost || !seen || !lies
    if (isOut || visitor.loggedInAt < overAt) sessions++
    if (isOut) lost++
    else missing += acknowledged.filter((field) => !(field in seen) || !(field in lies)).length
  }
  return { sessions, lost, missing, returned, stale }
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
