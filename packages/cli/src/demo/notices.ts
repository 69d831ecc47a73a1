import type { VisitorState } from './state.js'

/** Says whose login ended with a server. One that is kept in memory lives where its last answer came from. */
export function obituary(server: string, how: string, visitors: readonly VisitorState[], inRedis: boolean): string {
  const names = visitors.filter((each) => each.login !== 'out' && each.server === server).map(({ name }) => name)
  const logins = names.length === 1 ? 'the login' : 'the logins'
  if (inRedis) return `Server ${server} ${how}. Nobody had a login there: Redis keeps them.`
  if (names.length === 0) return `Server ${server} ${how}. Nobody had a login there.`
  return `Server ${server} ${how}. Gone with it: ${logins} of ${listed(names)}.`
}

export const serverIsBack = (server: string, inRedis: boolean): string =>
  inRedis
    ? `Server ${server} is back, and asks Redis for the logins.`
    : `Server ${server} is back, with an empty memory.`

const goneWithRedis = 'It kept the logins in its memory only: all of them are gone.'

/** What happened to the demo's own Redis. */
export const redisNotices = {
  killed: (pid: number) => `Redis was killed (SIGKILL, process ${pid}). ${goneWithRedis}`,
  crashed: `Redis stopped by itself. ${goneWithRedis}`,
  isBack: 'Redis is back, with an empty memory: everybody has to sign in again.',
  frozen: (pid: number) => `Redis is frozen (SIGSTOP, process ${pid}): it is there, and answers nothing.`,
  thawed: 'Redis goes on where it stopped, and has lost nothing.',
} as const

const listed = (names: readonly string[]): string => new Intl.ListFormat('en').format(names)
