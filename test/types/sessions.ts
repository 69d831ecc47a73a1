import type { IncomingMessage } from 'node:http'
import {
  isSessionGone,
  isStoreUnavailable,
  type Session,
  type Sessions,
  type SessionStore,
  type StoreAdapter,
} from '@holdfast/core'

interface Shop {
  userId: string
  visits: number
}

declare const sessions: Sessions<Shop>
declare const request: IncomingMessage

/** Outside a response: upgrade requests, jobs, tests. */
export async function outsideOfResponses(): Promise<string | undefined> {
  const seen = await sessions.read(request)
  // @ts-expect-error what was only read cannot be changed
  if (seen) seen.visits = 1
  const visits: number = await sessions.update(request, (session) => (session.visits = (session.visits ?? 0) + 1))
  const twice: number = await sessions.update(request, async () => 2 * visits)
  const { id, cookie } = await sessions.create({ userId: 'u1' }, { userId: 'u1' })
  // @ts-expect-error not the type of the field
  await sessions.create({ userId: twice })
  const [stored] = await sessions.listByUser('u1')
  const ended: number = await sessions.destroyByUser('u1', { except: id })
  return ended > 0 ? stored?.data.userId : cookie
}

export async function members(session: Session<Shop>): Promise<number> {
  // @ts-expect-error a new session is empty: no field is there for sure
  session.visits.toFixed()
  await session.save()
  session.save((error) => void isStoreUnavailable(error))
  await session.reload().catch((error: unknown) => isSessionGone(error))
  await session.regenerate()
  session.bindUser('u1', () => undefined)
  session.remember()
  const saving: ReturnType<typeof session.save> = session.save.call(session)
  await saving
  // @ts-expect-error a duration has a unit
  session.remember({ idle: '14' })
  return session.absoluteExpiresAt - session.expiresAt
}

export async function lifecycle(): Promise<void> {
  await sessions.ready()
  const health = sessions.health()
  const why: string = health.ok ? 'ok' : health.reason
  // @ts-expect-error there is a reason only when it is not ok
  await sessions.drain().then(() => console.log(why, health.reason))
  await sessions.close()
  await sessions[Symbol.asyncDispose]()
}

/** What an author of a store writes. */
export const adapterOf = (store: SessionStore): StoreAdapter => ({
  name: 'mine',
  schemes: ['mine'],
  open: (url, { clock }) => (clock() > 0 && url !== '' ? store : Promise.resolve(store)),
})
