import type { RequestState, Score, ServerState, SessionServerState, Verdict } from './state.js'

/** So many page views in a row without a lost login, and the page calls it holding. */
const HOLDING = 12

export interface Situation {
  /** Of the chosen approach. */
  readonly score: Score
  readonly servers: readonly ServerState[]
  readonly sessionServer: SessionServerState | undefined
  readonly newest: RequestState | undefined
}

/** What a person should know who looks at the page for one second, and the sentence that says why. */
export function judge({ score, servers, sessionServer, newest }: Situation): Verdict {
  const { kept, lost, keptInARow } = score
  const running = servers.filter(({ status }) => status === 'running').length
  if (running === 0) return bad('The shop is closed.', 'No server is running. Restart one of them.')
  const outage = sessionServer && judgeOutage(sessionServer, newest)
  if (outage !== undefined) return outage
  if (kept + lost === 0) return good('Everybody is signed in.', home(sessionServer))
  if (lost === 0)
    return good('Every login holds.', praise(score) + (running === servers.length ? dare(sessionServer) : ''))
  if (keptInARow >= HOLDING) return good('The logins hold again.', recovery(score))
  if (sessionServer !== undefined)
    return bad(`${counted(lost, 'login')} lost.`, blame(score, 'Redis did not have the login any more'))
  const line = blame(score, 'the server that answered did not have the login')
  if (lost > kept / 3) return bad('Logins keep dropping.', `${line} Choose another way below.`)
  return bad(`${counted(lost, 'login')} lost.`, line)
}

/** A session server that does not answer: nobody is signed out for it, and nobody gets a page. */
function judgeOutage({ status }: SessionServerState, newest: RequestState | undefined): Verdict | undefined {
  const refused = newest?.result === 'failed' && newest.server !== undefined
  const last = refused ? ` The last 503 came after ${Math.ceil(newest.tookMs)} ms.` : ''
  if (status === 'stopped')
    return bad('Redis is down.', `Visitors get a 503 until it is back, and have to sign in again then.${last}`)
  if (status === 'frozen')
    return bad('Redis is frozen.', `Visitors get a 503 until it goes on. No login is lost for it.${last}`)
  if (refused) return bad('Redis is out of reach.', `Visitors get a 503, and nobody is signed out for it.${last}`)
  return undefined
}

const good = (headline: string, line: string): Verdict => ({ tone: 'good', headline, line })
const bad = (headline: string, line: string): Verdict => ({ tone: 'bad', headline, line })

const home = (sessionServer: SessionServerState | undefined): string =>
  sessionServer === undefined
    ? 'Each login lives in the memory of one server.'
    : 'All servers share the logins in Redis.'

function praise({ kept, failed }: Score): string {
  const said =
    kept === 1
      ? 'The first page view found its visitor signed in.'
      : `All ${kept} page views found their visitor signed in.`
  return failed === 0 ? said : `${said} ${counted(failed, 'request')} had got a 503.`
}

const dare = (sessionServer: SessionServerState | undefined): string =>
  sessionServer === undefined || sessionServer.status === 'given'
    ? ' Now kill a server.'
    : ' Now kill a server, or freeze Redis.'

const recovery = ({ keptInARow, lost }: Score): string =>
  `The last ${keptInARow} page views found their visitor signed in. ${counted(lost, 'login')} had been lost before.`

const blame = ({ kept, lost }: Score, why: string): string =>
  `${lost} of ${counted(kept + lost, 'page view')} found the visitor signed out: ${why}.`

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
