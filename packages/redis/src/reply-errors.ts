import { StoreUnavailableError } from '@holdfast/core'

interface Advice {
  readonly code: string
  readonly text: string
  /** It goes on saying so: the same write need not be offered again. */
  readonly lasts: boolean
}

/** What an operator should do about what a server answers. */
const ADVICE: readonly Advice[] = [
  { code: 'OOM', lasts: true, text: 'it is at its maxmemory and takes no writes. Give it more memory; reads go on.' },
  {
    code: 'READONLY',
    lasts: false,
    text: 'it is a replica now. The connection was dropped so that the master is looked for again.',
  },
  { code: 'LOADING', lasts: true, text: 'it has just started and loads its data; it answers when that is done.' },
  {
    code: 'CLUSTERDOWN',
    lasts: false,
    text: 'the Cluster has no master for this key until a replica takes over. Look at CLUSTER INFO.',
  },
  { code: 'MASTERDOWN', lasts: true, text: 'it is a replica that has lost its master and gives no old data.' },
  {
    code: 'NOREPLICAS',
    lasts: true,
    text: 'fewer replicas are connected than min-replicas-to-write demands, so it takes no writes.',
  },
  { code: 'MISCONF', lasts: true, text: 'it cannot save to its disk, so it takes no writes. Look at its log.' },
  { code: 'NOAUTH', lasts: true, text: 'it demands a password. Write it into the URL: redis://user:password@host.' },
  { code: 'WRONGPASS', lasts: true, text: 'it does not know this user or password.' },
  {
    code: 'NOPERM',
    lasts: true,
    text: 'this user may not do that. It needs +get +set +eval +evalsha +getrange +setrange +pexpire +pttl +info +time on the keys of the prefix.',
  },
  { code: 'BUSY', lasts: false, text: 'a script of someone else is running on it.' },
]

/** True for an error that the server sent: it is there and answers, whatever it says. */
export const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError'

/** Whether an error reply has this code, also inside of an error of a script. */
export const hasCode = (error: unknown, code: string): boolean =>
  isReply(error) && new RegExp(`\\b${code}\\b`).test(error.message)

/** Whether a rejection of the store has an error reply as its cause. */
export const isAnswer = (error: unknown): boolean => isReply((error as { readonly cause?: unknown }).cause)

/**
 * Whether the connection broke under a call, or was gone before it: ioredis then rejects with errors of these texts
 * (both versions), or with that of the socket.
 */
export const isLost = (error: unknown): boolean =>
  error instanceof Error &&
  error.name !== 'ReplyError' &&
  /Connection is closed|connection close|max retries per request|isn't writeable|isn't ready|Cluster is ended/i.test(
    error.message,
  )

/** The error of a store for one of ioredis: with what to do, and without what was sent, which is in errors of ioredis. */
export function explain(what: string, error: unknown): StoreUnavailableError {
  const cause = withoutCommand(error)
  const advice = ADVICE.find(({ code }) => hasCode(error, code))
  const said = advice ? `${advice.code}: ${advice.text}` : cause.message
  return new StoreUnavailableError(`${what}: ${said}`, { cause, refused: advice?.lasts ?? false })
}

/** Passwords and data are in `error.command`, and in the text of an error about an unknown command. */
export function withoutCommand(error: unknown): Error {
  const { message, name, code } = error as Partial<Error & { code: unknown }>
  const cause = new Error(String(message ?? error).replace(/,? with args beginning with:.*$/s, ''))
  cause.name = name ?? 'Error'
  return typeof code === 'string' ? Object.assign(cause, { code }) : cause
}
