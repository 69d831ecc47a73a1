// @ts-check
/** @import { DemoState, Score } from '../state.js' */

/** So many page views in a row without a lost login, and the page calls it holding. */
const HOLDING = 12

/**
 * The headline: what a person should know who looks for one second.
 * @param {DemoState} state
 */
export function pronounce(state) {
  const { kept, lost, keptInARow } = scoreOf(state)
  if (state.servers.every(({ status }) => status !== 'running')) return 'The shop is closed.'
  if (kept + lost === 0) return 'Everybody is signed in.'
  if (lost === 0) return 'Every login holds.'
  if (keptInARow >= HOLDING) return 'The logins hold again.'
  return lost > kept / 3 ? 'Logins keep dropping.' : `${counted(lost, 'login')} lost.`
}

/**
 * The sentence below it.
 * @param {DemoState} state
 */
export function explain(state) {
  const { kept, lost, keptInARow } = scoreOf(state)
  if (state.servers.every(({ status }) => status !== 'running')) return 'No server is running. Restart one of them.'
  if (kept + lost === 0) return 'Each login lives in the memory of the server that answered. Now they begin to click.'
  if (lost === 0)
    return `${counted(kept, 'page view')} so far, and each of them found its visitor signed in.${dare(state)}`
  if (keptInARow >= HOLDING)
    return `The last ${keptInARow} page views found their visitor signed in. ${counted(lost, 'login')} got lost before.`
  return `${lost} of ${counted(kept + lost, 'page view')} found their visitor signed out: the server that answered did not have the login.`
}

/** @param {DemoState} state */
function dare({ servers }) {
  return servers.every(({ status }) => status === 'running') ? ' Now kill a server.' : ''
}

/** @param {DemoState} state */
export function toneOf(state) {
  const { lost, keptInARow } = scoreOf(state)
  const closed = state.servers.every(({ status }) => status !== 'running')
  return closed || (lost > 0 && keptInARow < HOLDING) ? 'bad' : 'good'
}

/**
 * @param {DemoState} state
 * @returns {Score}
 */
function scoreOf({ approach, approaches }) {
  return approaches.find(({ id }) => id === approach)?.score ?? { kept: 0, lost: 0, keptInARow: 0 }
}

/**
 * @param {number} count
 * @param {string} what
 */
export const counted = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`
