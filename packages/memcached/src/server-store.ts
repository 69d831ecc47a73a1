import {
  CallGuard,
  CasSessions,
  isStoreUnavailable,
  StoreUnavailableError,
  type CallOptions,
  type CasPort,
  type Diagnoses,
  type Diagnosis,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import { assertCasWorks } from './cas-probe.js'
import { EvictionPoll } from './eviction-poll.js'
import { ServerRefusal, type ItemVersion, type MemcachedPort, type Stats } from './memcached-port.js'
import { diagnoseServer } from './server-diagnosis.js'
import { serverTtl } from './server-ttl.js'

export interface ServerStoreOptions {
  readonly port: MemcachedPort
  /** `host:port`, for messages. */
  readonly server: string
  readonly prefix: string
  readonly deadlineMs: number
  readonly clock: () => number
}

const NAME = 'memcached'
/** Of the text. Memcached takes 1 MiB with key and its own head; the library marks a server down for the error. */
const MAX_BYTES = 1_000_000

/** Sessions on one server, each call of them bounded. */
export class ServerStore implements SessionStore, Diagnoses {
  readonly name = NAME
  readonly guarded = true
  readonly #options: ServerStoreOptions
  readonly #port: MemcachedPort
  readonly #sessions: CasSessions
  /** For questions about the server, which it may be asked whatever became of the last calls. */
  readonly #questions: CallGuard
  readonly #evictions: EvictionPoll

  constructor(options: ServerStoreOptions) {
    const { port, deadlineMs, clock } = options
    this.#options = options
    this.#port = port
    const isAnswer = (error: unknown): boolean => error instanceof ServerRefusal
    const onTimeout = (): void => port.noticeTimeout()
    const calls = new CallGuard(NAME, { deadlineMs, isAnswer, onTimeout })
    const guarded = { name: NAME, port: this.#casPort(), guardOf: () => calls }
    this.#sessions = new CasSessions({ ...guarded, maxBytes: MAX_BYTES, clock })
    this.#questions = new CallGuard(NAME, { deadlineMs, onTimeout, failures: Infinity })
    this.#evictions = new EvictionPoll(NAME, () =>
      this.#questions.run('read', undefined, async () => evictionsOf(await port.stats())),
    )
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    return this.#sessions.read(key, options)
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    return this.#sessions.write(key, record, condition, options)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    return this.#sessions.touch(key, record, expiresAt, options)
  }

  async ready(options?: CallOptions): Promise<void> {
    try {
      await this.#questions.run('read', options, () => assertCasWorks(this.#port, this.#options.prefix))
    } catch (error) {
      throw isStoreUnavailable(error) ? this.#notReady(error) : error
    }
  }

  async diagnose(options?: CallOptions): Promise<Diagnosis> {
    const { port, server, prefix, clock } = this.#options
    const ask = <T>(question: () => Promise<T>): Promise<T> => this.#questions.run('read', options, question)
    try {
      return await diagnoseServer({ port, server, prefix, clock, ask })
    } catch (error) {
      throw isStoreUnavailable(error) ? this.#notReady(error) : error
    }
  }

  async close(): Promise<void> {
    this.#evictions.stop()
    this.#port.close()
  }

  /** The port under this store's prefix, with lifetimes as the server takes them. */
  #casPort(): CasPort {
    const { port, prefix, clock } = this.#options
    const used = (key: string): string => {
      this.#evictions.noteUse()
      return prefix + key
    }
    const ttl = (expiresAt: number): number => serverTtl(expiresAt - clock(), Date.now())
    return {
      gets: (key) => port.gets(used(key)),
      add: (key, text, expiresAt) => port.add(used(key), text, ttl(expiresAt)),
      cas: (key, text, version, expiresAt) => port.cas(used(key), text, version as ItemVersion, ttl(expiresAt)),
    }
  }

  #notReady({ message, cause }: StoreUnavailableError): StoreUnavailableError {
    const reason = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message
    return new StoreUnavailableError(
      `memcached: the server ${this.#options.server} cannot be used (${reason}). Start it, or correct its address.`,
      { cause },
    )
  }
}

function evictionsOf({ evictions }: Stats): number {
  if (typeof evictions !== 'number') throw new Error(`the server's stats have no evictions`)
  return evictions
}
