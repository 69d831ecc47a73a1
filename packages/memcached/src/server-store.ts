import {
  CallGuard,
  ConfigError,
  isExpired,
  isSameWrite,
  isStoreUnavailable,
  isTombstone,
  KEY_PATTERN,
  mayWrite,
  SessionTooLargeError,
  StoreUnavailableError,
  type CallOptions,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import { assertCasWorks } from './cas-probe.js'
import { EvictionPoll } from './eviction-poll.js'
import { Holding, holdingOf } from './holding.js'
import { ServerRefusal, type MemcachedPort } from './memcached-port.js'
import { encode } from './record-text.js'
import { serverTtl } from './server-ttl.js'

export interface ServerStoreOptions {
  readonly port: MemcachedPort
  /** `host:port`, for messages. */
  readonly server: string
  readonly prefix: string
  readonly deadlineMs: number
  readonly clock: () => number
}

/** What is to stand under a key. */
interface Next {
  readonly text: string
  readonly expiresAt: number
}

/** What to write over `current`, the live record of a key; `undefined`: nothing. */
type Decide = (current: SessionRecord | undefined) => Next | undefined

/** What a write takes to be there, so that it needs no read; `undefined` where it has no idea. */
type Assumed = Holding | 'nothing' | undefined

const NAME = 'memcached'
/** Key and text together. Memcached takes 1 MiB with its own head; the library marks a server down for the error. */
const MAX_BYTES = 1_000_000

/**
 * Sessions on one server: a read is one `gets`; a write one `cas` with the version that was read, or one `add`; and
 * again with what stands there, when it was not that. The clock of the app decides what is over.
 */
export class ServerStore implements SessionStore {
  readonly name = NAME
  readonly guarded = true
  readonly #options: ServerStoreOptions
  readonly #port: MemcachedPort
  readonly #calls: CallGuard
  /** For questions about the server, which it may be asked whatever became of the last calls. */
  readonly #questions: CallGuard
  readonly #evictions: EvictionPoll

  constructor(options: ServerStoreOptions) {
    const { port, deadlineMs } = options
    this.#options = options
    this.#port = port
    const isAnswer = (error: unknown): boolean => error instanceof ServerRefusal
    const onTimeout = (): void => port.noticeTimeout()
    this.#calls = new CallGuard(NAME, { deadlineMs, isAnswer, onTimeout })
    this.#questions = new CallGuard(NAME, { deadlineMs, onTimeout, failures: Infinity })
    this.#evictions = new EvictionPoll(NAME, () => this.#questions.run('read', undefined, () => port.evictions()))
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    const fullKey = this.#fullKey(key)
    return this.#calls.run('read', options, async () => this.#live(await this.#look(fullKey)))
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    const fullKey = this.#fullKey(key)
    const next = nextOf(fullKey, record)
    const decide: Decide = (current) => (mayWrite(record, condition, current) ? next : undefined)
    return this.#change('write', fullKey, decide, assumedFor(condition), options)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    const fullKey = this.#fullKey(key)
    const decide: Decide = (current) => {
      const isIt = current && !isTombstone(current) && isSameWrite(current, record) && current.expiresAt < expiresAt
      return isIt ? nextOf(fullKey, { ...current, expiresAt }) : undefined
    }
    return this.#change('touch', fullKey, decide, holdingOf(record), options)
  }

  async ready(options?: CallOptions): Promise<void> {
    try {
      await this.#questions.run('read', options, () => assertCasWorks(this.#port, this.#options.prefix))
    } catch (error) {
      throw isStoreUnavailable(error) ? this.#notReady(error) : error
    }
  }

  async close(): Promise<void> {
    this.#evictions.stop()
    this.#port.close()
  }

  #change(
    op: 'write' | 'touch',
    fullKey: string,
    decide: Decide,
    assumed: Assumed,
    options: CallOptions | undefined,
  ): Promise<WriteOutcome> {
    const call = async (ms: number): Promise<WriteOutcome> => {
      const endsAt = performance.now() + ms
      if (await this.#putAssumed(fullKey, decide, assumed)) return { written: true }
      for (;;) {
        assertGoesOn(endsAt, options?.signal)
        const holding = await this.#look(fullKey)
        const current = this.#live(holding)
        const next = decide(current)
        if (!next) return { written: false, current }
        if (await this.#put(fullKey, next, holding)) return { written: true }
      }
    }
    return this.#calls.run(op, options, call, () => this.#look(fullKey))
  }

  /** The first try, without a read before it. That the assumption forbids the write says nothing: it may be wrong. */
  async #putAssumed(fullKey: string, decide: Decide, assumed: Assumed): Promise<boolean> {
    if (assumed === undefined) return false
    const holding = assumed === 'nothing' ? undefined : assumed
    const next = decide(this.#live(holding))
    return next !== undefined && this.#put(fullKey, next, holding)
  }

  #put(fullKey: string, { text, expiresAt }: Next, over: Holding | undefined): Promise<boolean> {
    this.#evictions.noteUse()
    const ttlSeconds = serverTtl(expiresAt - this.#options.clock(), Date.now())
    return over ? this.#port.cas(fullKey, text, over.version, ttlSeconds) : this.#port.add(fullKey, text, ttlSeconds)
  }

  async #look(fullKey: string): Promise<Holding | undefined> {
    this.#evictions.noteUse()
    const item = await this.#port.gets(fullKey)
    return item && new Holding(item)
  }

  #live(holding: Holding | undefined): SessionRecord | undefined {
    return holding && !isExpired(holding.stored, this.#options.clock()) ? holding.record : undefined
  }

  #fullKey(key: string): string {
    if (KEY_PATTERN.test(key)) return this.#options.prefix + key
    throw new ConfigError(`memcached: ${JSON.stringify(key)} is no key; a key matches ${KEY_PATTERN}.`)
  }

  #notReady({ message, cause }: StoreUnavailableError): StoreUnavailableError {
    const reason = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message
    return new StoreUnavailableError(
      `memcached: the server ${this.#options.server} cannot be used (${reason}). Start it, or correct its address.`,
      { cause },
    )
  }
}

function assumedFor(condition: WriteCondition): Assumed {
  if (condition === 'absent') return 'nothing'
  return condition === 'newer' ? undefined : holdingOf(condition.replaces)
}

/** Throws `SessionTooLargeError` before anything is sent. The library puts a backslash before each line break. */
function nextOf(fullKey: string, record: SessionRecord): Next {
  const text = encode(record)
  const bytes = fullKey.length + Buffer.byteLength(text) + (text.match(/[\r\n]/g)?.length ?? 0)
  if (bytes > MAX_BYTES) throw new SessionTooLargeError(bytes, MAX_BYTES)
  return { text, expiresAt: record.expiresAt }
}

function assertGoesOn(endsAt: number, signal: AbortSignal | undefined): void {
  if (performance.now() < endsAt && !signal?.aborted) return
  throw new StoreUnavailableError('memcached: others kept writing until the deadline of this write.')
}
