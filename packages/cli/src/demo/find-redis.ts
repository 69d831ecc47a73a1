import { findProgram } from './find-program.js'
import type { GivenServers } from './store-config.js'

/** The path of a program that the demo starts and ends as it likes. */
export interface RedisProgram {
  readonly program: string
}

/** No Redis, and what to do about it. */
export interface MissingRedis {
  readonly line: string
  /** What brings one, where there is such a command. */
  readonly command: string | undefined
}

const programs = ['redis-server', 'valkey-server']
const schemes = /^(redis|rediss|redis\+sentinel|redis\+cluster):\/\//i
/** Its keys in a Redis that others use, too, can be told from theirs. */
const PREFIX = 'prefix=holdfast-demo:'

const installers = [
  ['brew', 'brew install redis'],
  ['apt-get', 'sudo apt install redis-server'],
  ['dnf', 'sudo dnf install valkey'],
  ['apk', 'sudo apk add redis'],
  ['pacman', 'sudo pacman -S valkey'],
] as const

/** `REDIS_URL` first, then a program in `PATH`. */
export function findRedis(env: NodeJS.ProcessEnv): GivenServers | RedisProgram | MissingRedis {
  const { REDIS_URL: url = '' } = env
  if (url !== '') return given(url)
  const program = findRedisProgram(env)
  return program === undefined ? adviceFor(env) : { program }
}

/** The path of a program in `PATH`, whatever `REDIS_URL` is. */
export const findRedisProgram = (env: NodeJS.ProcessEnv): string | undefined =>
  programs.map((name) => findProgram(name, env)).find((path) => path !== undefined)

/** A bad URL is not shown: it may hold a password. */
function given(url: string): GivenServers | MissingRedis {
  if (schemes.test(url)) return { kind: 'Redis', url: withPrefix(url) }
  const line = 'REDIS_URL does not begin with redis:// or rediss://. Correct it, or unset it, and start the demo again.'
  return { line, command: undefined }
}

/** Host and port, for the page: whatever comes before an `@` may be a password. */
export const hostOf = (url: string): string =>
  (url.split('@').at(-1) ?? '').replace(/^.*?:\/\//, '').replace(/[/?#].*$/, '')

function withPrefix(url: string): string {
  if (url.includes('prefix=')) return url
  return `${url}${url.includes('?') ? '&' : '?'}${PREFIX}`
}

function adviceFor(env: NodeJS.ProcessEnv): MissingRedis {
  const command = installers.find(([program]) => findProgram(program, env) !== undefined)?.[1]
  const line =
    command === undefined
      ? 'All servers keep their logins in one Redis. Set REDIS_URL to yours, and start the demo again.'
      : 'All servers keep their logins in one Redis. Install it, and start the demo again:'
  return { line, command }
}
