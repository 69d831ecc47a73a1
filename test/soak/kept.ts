import type { Asked } from '../faults/health-checks.js'
import type { Visitor } from '../faults/visitor.js'
import { until } from '../servers/until.js'

/** How what was acknowledged differs from what the apps show in the end. */
export interface Kept {
  /** Visitors whose login is known. */
  readonly sessions: number
  readonly changes: number
  /** Who had logged in and is out, at the end or at any time. */
  readonly lost: number
  /** Acknowledged changes that are not there. */
  readonly missing: number
  /** Who is in after an acknowledged logout. */
  readonly returned: number
  /** Acknowledged changes that the very next request did not see. */
  readonly stale: number
}

/** Asks for each visitor that ever was. */
export async function keptOf(visitors: readonly Visitor[], apps: readonly Asked[]): Promise<Kept> {
  let [sessions, changes, lost, missing, returned, stale] = [0, 0, 0, 0, 0, 0]
  for (const [i, visitor] of visitors.entries()) {
    if (visitor.login === 'unknown') continue
    const { acknowledged, login } = visitor
    const seen = await dataOf(apps[i % apps.length] as Asked, visitor.cookie)
    sessions++
    changes += acknowledged.length
    stale += visitor.stale
    if (login === 'out') returned += seen || visitor.returned ? 1 : 0
    else if (!seen || visitor.lost) lost++
    else missing += acknowledged.filter((field) => !(field in seen)).length
  }
  return { sessions, changes, lost, missing, returned, stale }
}

/** `undefined`: nobody is logged in. */
async function dataOf(app: Asked, cookie: string | undefined): Promise<object | undefined> {
  let data: object | undefined
  await until('the session is served', async () => {
    const { status, body } = await app.get('/show', cookie)
    data = status === 200 ? (JSON.parse(body) as object) : undefined
    return status === 200 || status === 401
  })
  return data
}
