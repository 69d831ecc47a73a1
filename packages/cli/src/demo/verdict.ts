import type { ApproachState, Score, ServerState, Verdict } from './state.js'

/** So many page views in a row without a lost login, and the page calls it holding. */
const HOLDING = 12

/** What a person should know who looks at the page for one second, and the sentence that says why. */
export function judge({ score }: Pick<ApproachState, 'score'>, servers: readonly ServerState[]): Verdict {
  const { kept, lost, keptInARow } = score
  const running = servers.filter(({ status }) => status === 'running').length
  if (running === 0) return bad('The shop is closed.', 'No server is running. Restart one of them.')
  if (kept + lost === 0) return good('Everybody is signed in.', 'Each login lives in the memory of one server.')
  if (lost === 0)
    return good('Every login holds.', praise(kept) + (running === servers.length ? ' Now kill a server.' : ''))
  if (keptInARow >= HOLDING) return good('The logins hold again.', recovery(score))
  if (lost > kept / 3) return bad('Logins keep dropping.', `${blame(score)} Choose another way below.`)
  return bad(`${counted(lost, 'login')} lost.`, blame(score))
}

const good = (headline: string, line: string): Verdict => ({ tone: 'good', headline, line })
const bad = (headline: string, line: string): Verdict => ({ tone: 'bad', headline, line })

const praise = (kept: number): string =>
  kept === 1
    ? 'The first page view found its visitor signed in.'
    : `All ${kept} page views found their visitor signed in.`

const recovery = ({ keptInARow, lost }: Score): string =>
  `The last ${keptInARow} page views found their visitor signed in. ${counted(lost, 'login')} had been lost before.`

const blame = ({ kept, lost }: Score): string =>
  `${lost} of ${counted(kept + lost, 'page view')} found the visitor signed out: the server that answered did not have the login.`

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
