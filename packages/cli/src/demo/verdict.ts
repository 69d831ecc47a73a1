import type { RequestState, Score, ServerState, SessionServersState, SessionServerState, Verdict } from './state.js'

/** So many page views in a row without a lost login, and the page calls it holding. */
const HOLDING = 12

export interface Situation {
  /** Of the chosen approach. */
  readonly score: Score
  readonly servers: readonly ServerState[]
  readonly sessionServers: SessionServersState | undefined
  readonly newest: RequestState | undefined
}

/** What a person should know who looks at the page for one second, and the sentence that says why. */
export function judge({ score, servers, sessionServers, newest }: Situation): Verdict {
  const { kept, lost, keptInARow } = score
  const running = servers.filter(({ status }) => status === 'running').length
  if (running === 0 && sessionServers?.servers.some(({ status }) => status === 'starting'))
    return good(`${sessionServers.kind} is starting.`, 'The shop opens when it is there.')
  if (running === 0) return bad('The shop is closed.', 'No server is running. Restart one of them.')
  const outage = sessionServers && judgeOutage(sessionServers, newest)
  if (outage !== undefined) return outage
  if (kept + lost === 0) return good('Everybody is signed in.', home(sessionServers))
  if (lost === 0) return good('Every login holds.', praise(score) + next(servers, sessionServers))
  if (keptInARow >= HOLDING) return good('The logins hold again.', recovery(score))
  if (sessionServers !== undefined)
    return bad(
      `${counted(lost, 'login')} lost.`,
      blame(score, `${sessionServers.kind} did not have the login any more`),
    )
  const line = blame(score, 'the server that answered did not have the login')
  if (lost > kept / 3) return bad('Logins keep dropping.', `${line} Choose another way below.`)
  return bad(`${counted(lost, 'login')} lost.`, line)
}

/** Session servers of which too many do not answer: nobody is signed out for it, and nobody gets a page. */
function judgeOutage(sessionServers: SessionServersState, newest: RequestState | undefined): Verdict | undefined {
  const { kind, spare, servers } = sessionServers
  const whose = kind === 'Hazelcast' ? '' : ' whose logins are on them'
  const refused = newest?.result === 'failed' && newest.server !== undefined
  const last = refused ? ` The last 503 came after ${Math.ceil(newest.tookMs)} ms.` : ''
  const away = servers.filter(isAway)
  if (away.length > spare) {
    const headline = servers.length === 1 ? `${kind} is ${stateOf(away)}.` : tooManyAway(sessionServers)
    if (servers.length > 1) return bad(headline, `Visitors${whose} get a 503 until one is back.${last}`)
    if (stateOf(away) === 'frozen')
      return bad(headline, `Visitors get a 503 until it goes on. No login is lost for it.${last}`)
    return bad(headline, `Visitors get a 503 until it is back, and have to sign in again then.${last}`)
  }
  if (refused) return bad(`${kind} is out of reach.`, `Visitors get a 503, and nobody is signed out for it.${last}`)
  return undefined
}

const isAway = ({ status }: SessionServerState): boolean => status === 'stopped' || status === 'frozen'

const stateOf = (away: readonly SessionServerState[]): string => (away[0]?.status === 'frozen' ? 'frozen' : 'down')

const tooManyAway = ({ kind, servers }: SessionServersState): string => {
  const away = servers.filter(isAway).length
  if (away < servers.length) return `Too few ${kind} servers are left.`
  return `All ${kind} servers are away.`
}

const good = (headline: string, line: string): Verdict => ({ tone: 'good', headline, line })
const bad = (headline: string, line: string): Verdict => ({ tone: 'bad', headline, line })

const home = (sessionServers: SessionServersState | undefined): string =>
  sessionServers === undefined
    ? 'Each login lives in the memory of one server.'
    : `All servers share the logins in ${sessionServers.kind}.`

function praise({ kept, failed }: Score): string {
  const said =
    kept === 1
      ? 'The first page view found its visitor signed in.'
      : `All ${kept} page views found their visitor signed in.`
  return failed === 0 ? said : `${said} ${counted(failed, 'request')} had got a 503.`
}

/** What to try next; while something is away, what that is. */
function next(servers: readonly ServerState[], sessionServers: SessionServersState | undefined): string {
  const away = sessionServers?.servers.find(isAway)
  if (away !== undefined) return ` And that while ${away.name} is ${stateOf([away])}.`
  if (servers.some(({ status }) => status !== 'running')) return ''
  if (sessionServers === undefined || sessionServers.servers.some(({ status }) => status === 'given'))
    return ' Now kill a server.'
  const { spare, kind } = sessionServers
  if (kind === 'Hazelcast') return ' Now kill a server, or a member of the grid.'
  return spare === 0 ? ` Now kill a server, or freeze ${kind}.` : ` Now kill a server, or one ${kind}.`
}

const recovery = ({ keptInARow, lost }: Score): string =>
  `The last ${keptInARow} page views found their visitor signed in. ${counted(lost, 'login')} had been lost before.`

const blame = ({ kept, lost }: Score, why: string): string =>
  `${lost} of ${counted(kept + lost, 'page view')} found the visitor signed out: ${why}.`

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
