import type { AppProcess } from './fleet.js'
import type { Target } from './column.js'
import type { Visitor } from './visitor.js'

/** How far what was acknowledged differs from what the servers tell at the end. */
export interface History {
  /** Sessions of visitors who had logged in and not out, and are out. */
  readonly lost: number
  /** Acknowledged changes that are not there, in sessions that are. */
  readonly missing: number
  /** Sessions that are there although their logout was acknowledged. */
  readonly returned: number
  /** Acknowledged changes that the very next request did not see. */
  readonly stale: number
}

/** Compares each visitor's history with what the app shows and with what lies in the servers themselves. */
export async function checkHistory(
  visitors: readonly Visitor[],
  apps: readonly AppProcess[],
  target: Pick<Target, 'stored'>,
): Promise<History> {
  let [lost, missing, returned, stale] = [0, 0, 0, 0]
  const settled = visitors.filter(({ login }) => login !== 'unknown')
  for (const [i, visitor] of settled.entries()) {
    const app = apps[i % apps.length] as AppProcess
    const { acknowledged, id, cookie, login } = visitor
    stale += visitor.stale
    const shown = await app.get('/show', cookie)
    if (shown.status !== 200 && shown.status !== 401)
      throw new Error(`At the end the app answers ${shown.status}: ${shown.body}`)
    const sees = shown.status === 200 ? (JSON.parse(shown.body) as object) : undefined
    const holds = await target.stored(id)
    const lies = typeof holds === 'object' ? holds : undefined
    if (login === 'out') returned += Number(sees !== undefined || lies !== undefined || visitor.returned)
    else if (visitor.lost || !sees || !lies) lost++
    else missing += acknowledged.filter((field) => !(field in sees) || !(field in lies)).length
  }
  return { lost, missing, returned, stale }
}
