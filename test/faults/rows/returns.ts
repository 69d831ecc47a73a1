import { until } from '../../servers/until.js'
import type { Answer } from '../client.js'
import type { Target, Victim } from '../column.js'
import type { AppProcess } from '../fleet.js'
import { inspectedRow, type Inspection, type Login } from '../inspection.js'
import { onCopies, type Row } from '../row.js'

const SESSIONS = 12

/** Each on all its servers: one of them was away until just now. */
async function logInSome(inspection: Inspection, target: Target): Promise<Login[]> {
  const logins = await Promise.all(Array.from({ length: SESSIONS }, () => inspection.logIn()))
  for (const { id, cookie } of logins) {
    await until('a login is on all its servers', async () => {
      await inspection.ask('/show', cookie)
      return (await target.stored(id)) !== undefined
    })
  }
  return logins
}

/** Those of the sessions that this server has. */
async function heldBy(victim: Victim, logins: readonly Login[]): Promise<Login[]> {
  const held = await Promise.all(logins.map(({ id }) => victim.stored(id)))
  return logins.filter((_, i) => held[i] !== undefined)
}

/** What a server that was away has when it is back, asked directly. */
export const returns: readonly Row[] = [
  inspectedRow({
    number: '1e',
    title: 'sessions change while a server is dead, and it is back without its data',
    expected: {
      ...onCopies('once a session was used, all of it is on that server again'),
      peer: 'all of it is on that server again',
    },
    inspect: async (inspection, { target }) => {
      for (const victim of await target.victims()) {
        const logins = await logInSome(inspection, target)
        const own = await heldBy(victim, logins)
        inspection.check('it has sessions', own.length > 0)
        await victim.kill()
        for (const { cookie } of logins) {
          const { status } = await inspection.ask('/add?field=meanwhile', cookie)
          inspection.check(`a change is stored, not ${status}`, status === 200)
        }
        await victim.restart({ empty: true })
        for (const { id, cookie } of own) {
          await until('a session that was used is on the server again', async () => {
            await inspection.ask('/show', cookie)
            const held = Object(await victim.stored(id)) as object
            return 'userId' in held && 'meanwhile' in held
          })
        }
      }
    },
  }),
  inspectedRow({
    number: '2c',
    title: 'users log out while a server is away, and it comes back with its old data',
    expected: { ...onCopies('logged out everywhere'), peer: 'logged out everywhere' },
    inspect: async (inspection, { target, apps, idle }) => {
      for (const victim of await target.victims()) {
        const logins = await logInSome(inspection, target)
        const own = await heldBy(victim, logins)
        await (victim.saves ? victim.kill() : victim.pause())
        for (const { cookie } of logins) {
          const { status } = await inspection.ask('/logout', cookie)
          inspection.check(`a logout is stored, not ${status}`, status === 200)
        }
        await (victim.saves ? victim.restart({ empty: false }) : victim.resume())
        const old = await Promise.all(own.map(({ id }) => victim.stored(id)))
        // The app that took the logouts brings them as soon as it finds the server.
        const isOld = (data: (typeof old)[number]): boolean => data === 'destroyed' || 'userId' in Object(data)
        inspection.check('it has its old data', old.length > 0 && old.every(isOld))
        for (const app of idle ? [idle, ...apps] : apps)
          for (const answer of await answersOf(app, logins, inspection))
            inspection.wasAnonymous('who has logged out', answer)
        await untilLoggedOut(victim, own, inspection)
      }
    },
  }),
]

/** What an app shows while it reaches all servers: on a busy machine one may be late. */
async function answersOf(app: AppProcess, logins: readonly Login[], inspection: Inspection): Promise<Answer[]> {
  const answers: Answer[] = []
  await until('an app reaches all servers', async () => {
    const before = await troublesOf(app)
    answers.length = 0
    for (const { cookie } of logins) answers.push(await inspection.ask('/show', cookie, app))
    const after = await troublesOf(app)
    return after.isAway === false && after.count === before.count
  })
  return answers
}

async function troublesOf(app: AppProcess): Promise<{ count: number; isAway: boolean }> {
  const { events } = await app.report()
  const count = (type: string): number => events[type] ?? 0
  return {
    count: count('timeout') + count('breaker-opened') + count('breaker-closed'),
    isAway: count('breaker-opened') > count('breaker-closed'),
  }
}

/** An app that found the server away asks it again after half a second. */
async function untilLoggedOut(victim: Victim, logins: readonly Login[], inspection: Inspection): Promise<void> {
  for (const { id, cookie } of logins) {
    await until('a session that was asked for is over on the server itself', async () => {
      await inspection.isAnonymous('who has logged out', cookie)
      return (await victim.stored(id)) === 'destroyed'
    })
  }
}
