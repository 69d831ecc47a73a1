import type { RequestState, Score, ServerState, SessionServersState, SessionServerState, Verdict } from './state.js'

/** So many page views in a row without a lost login, and the page calls it holding. */
const HOLDING = 12

export interface Situation {
  /** Of the chosen approach. */
  readonly score: Score
  readonly servers: readonly ServerState[]
  readonly sessionServers: SessionServersState | undefined
  readonly newest: RequestState | undefined
  /** So many visitors who had signed in got no page when they asked last. */
  readonly waiting: number
}

/** What a person should know who looks at the page for one second, and the sentence that says why. */
export function judge({ score, servers, sessionServers, newest, waiting }: Situation): Verdict {
  const { kept, lost, keptInARow } = score
  const running = servers.filter(({ status }) => status === 'running').length
  if (running === 0 && sessionServers?.servers.some(({ status }) => status === 'starting'))
    return good(`${sessionServers.kind} is starting.`, 'The shop opens when it is there.')
  if (running === 0) return bad('The shop is closed.', 'No server is running. Restart one of them.')
  const isPeer = sessionServers?.kind === 'Peer'
  if (isPeer && waiting > 0) return outOfReach(servers, waiting)
  const outage = isPeer ? undefined : sessionServers && judgeOutage(sessionServers, newest)
  if (outage !== undefined) return outage
  if (kept + lost === 0) return good('Everybody is signed in.', home(sessionServers))
  if (lost === 0) return good('Every login holds.', praise(score) + next(servers, sessionServers))
  if (keptInARow >= HOLDING) return good('The logins hold again.', recovery(score))
  if (sessionServers !== undefined) {
    const { kind } = sessionServers
    const why = kind === 'Peer' ? 'no server had the login any more' : `${kind} did not have the login any more`
    return bad(`${counted(lost, 'login')} lost.`, blame(score, why))
  }
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

/** App servers that do not find a login among those that run do not say that there is none. */
function outOfReach(servers: readonly ServerState[], waiting: number): Verdict {
  const down = servers.filter(({ status }) => status !== 'running').map(({ name }) => name)
  const visitors = waiting === 1 ? 'Its visitor gets' : 'Their visitors get'
  const headline = `${counted(waiting, 'login')} out of reach.`
  if (down.length < 2) return bad(headline, `${visitors} a 503 until the servers have found each other.`)
  const why = `The servers that are left cannot vouch for ${down.join(' and ')}.`
  return bad(headline, `${why} ${visitors} a 503 until those are back, and a new sign-in if nobody else had a copy.`)
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

function home(sessionServers: SessionServersState | undefined): string {
  if (sessionServers === undefined) return 'Each login lives in the memory of one server.'
  if (sessionServers.kind === 'Peer') return 'Each login lives in the memory of two servers, a primary and a backup.'
  return `All servers share the logins in ${sessionServers.kind}.`
}

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
  const down = servers.filter(({ status }) => status !== 'running')
  if (down.length > 0) return sessionServers?.kind === 'Peer' ? nextToPeers(servers, down) : ''
  const { spare, kind, servers: own } = sessionServers ?? {}
  if (kind === undefined || kind === 'Peer' || own?.some(({ status }) => status === 'given'))
    return ' Now kill a server.'
  if (kind === 'Hazelcast') return ' Now kill a server, or a member of the grid.'
  return spare === 0 ? ` Now kill a server, or freeze ${kind}.` : ` Now kill a server, or one ${kind}.`
}

function nextToPeers(servers: readonly ServerState[], [first, ...more]: readonly ServerState[]): string {
  const last = servers.find(({ status }) => status === 'running')
  return more.length > 0 ? ` Server ${last?.name} alone keeps them now.` : ` And that without server ${first?.name}.`
}

const recovery = ({ keptInARow, lost }: Score): string =>
  `The last ${keptInARow} page views found their visitor signed in. ${counted(lost, 'login')} had been lost before.`

const blame = ({ kept, lost }: Score, why: string): string =>
  `${lost} of ${counted(kept + lost, 'page view')} found the visitor signed out: ${why}.`

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
