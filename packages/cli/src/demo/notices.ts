import type { VisitorState } from './state.js'
import type { Kind } from './store-config.js'

/** The app servers beside the one that a notice is about. */
export interface Others {
  readonly running: readonly string[]
  readonly down: readonly string[]
}

/**
 * Says whose login ended with an app server. One that is kept in memory lives where its last answer came from; `kind` is
 * what keeps the others.
 */
export function obituary(
  server: string,
  how: string,
  visitors: readonly VisitorState[],
  kind: Kind | undefined,
): string {
  const names = visitors.filter((each) => each.login !== 'out' && each.server === server).map(({ name }) => name)
  const logins = names.length === 1 ? 'the login' : 'the logins'
  if (kind !== undefined) return `Server ${server} ${how}. Nobody had a login there: ${kind} keeps them.`
  if (names.length === 0) return `Server ${server} ${how}. Nobody had a login there.`
  return `Server ${server} ${how}. Gone with it: ${logins} of ${listed(names)}.`
}

/** The same of one that keeps logins together with `others`: what it had, one of them has, too, unless that died with it. */
export function peerObituary(server: string, how: string, { running, down }: Others): string {
  if (running.length === 0) return `Server ${server} ${how}. It was the last one: all logins are gone.`
  if (down.length === 0)
    return `Server ${server} ${how}. ${listed(running, 'or')} has the other copy of each of its logins.`
  const both = listed([...down, server])
  return `Server ${server} ${how}. ${listed(running)} is left: gone are the logins of ${both} that it had no copy of yet.`
}

export function serverIsBack(server: string, kind: Kind | undefined, { running }: Others): string {
  if (kind === undefined || (kind === 'Peer' && running.length === 0))
    return `Server ${server} is back, with an empty memory.`
  if (kind !== 'Peer') return `Server ${server} is back, and asks ${kind} for the logins.`
  return `Server ${server} is back. ${listed(running)} brought it its share of the logins before its first request.`
}

// What happened to a session server of the demo. `othersGoOn`: there are others, and all of them run.

export const killed = (name: string, pid: number, othersGoOn: boolean): string =>
  `${name} was killed (SIGKILL, process ${pid}). ${gone(name, othersGoOn)}`

export const crashed = (name: string, othersGoOn: boolean): string =>
  `${name} stopped by itself. ${gone(name, othersGoOn)}`

export const isBack = (name: string, othersGoOn: boolean, kind?: Kind): string => {
  if (kind === 'Hazelcast') return `${name} is back, and takes its share of the logins from the others.`
  if (isAlone(name)) return `${name} is back, with an empty memory: everybody has to sign in again.`
  const copied = othersGoOn ? ' A login is copied to it when it is used.' : ''
  return `${name} is back, with an empty memory.${copied}`
}

export const frozen = (name: string, pid: number): string =>
  `${name} is frozen (SIGSTOP, process ${pid}): it is there, and answers nothing.`

export const thawed = (name: string, kind?: Kind): string =>
  kind === 'Hazelcast'
    ? `${name} goes on where it stopped. If the others have left it meanwhile, it joins them again within 10 s.`
    : `${name} goes on where it stopped, and has lost nothing.`

function gone(name: string, othersGoOn: boolean): string {
  if (isAlone(name)) return 'It kept the logins in its memory only: all of them are gone.'
  return othersGoOn ? 'Its copies are gone; the others have theirs.' : 'Its copies are gone.'
}

/** One of several has a number in its name. */
const isAlone = (name: string): boolean => !/\d$/.test(name)

export const listed = (names: readonly string[], word: 'and' | 'or' = 'and'): string =>
  new Intl.ListFormat('en', { type: word === 'and' ? 'conjunction' : 'disjunction' }).format(names)
