import type { CallGuard } from './call-guard.js'
import { ConfigError, SessionTooLargeError, StoreUnavailableError } from './errors.js'
import { recordToText, textToRecord } from './record-text.js'
import {
  type CallOptions,
  isExpired,
  isSameWrite,
  isTombstone,
  KEY_PATTERN,
  mayWrite,
  type SessionRecord,
  type WriteCondition,
  type WriteOutcome,
} from './store.js'

/** What stands under a key, and what `cas` takes it to be. */
export interface CasItem {
  readonly text: string
  readonly version: unknown
}

/** What is asked of a server that knows no more than compare-and-set: three operations, each one command. */
export interface CasPort {
  gets(key: string): Promise<CasItem | undefined>
  /** False: something is there. The server may forget it from `expiresAt` on, not before. */
  add(key: string, text: string, expiresAt: number): Promise<boolean>
  /** False: nothing is there, or another version. */
  cas(key: string, text: string, version: unknown, expiresAt: number): Promise<boolean>
}

export interface CasSessionsOptions {
  /** In errors and events: `'memcached'`. */
  readonly name: string
  readonly port: CasPort
  /** The bounds of calls for a key: those of the server that has it. */
  readonly guardOf: (key: string) => CallGuard
  /** Of the text of one; beyond it nothing is sent. */
  readonly maxBytes: number
  /** Ms since the epoch. */
  readonly clock: () => number
}

/** What to write over `current`, the live record of a key; `undefined`: nothing. */
type Decide = (current: SessionRecord | undefined) => SessionRecord | undefined

/** What a write takes to be there, so that it needs no read; `undefined` where it has no idea. */
type Assumed = Holding | 'nothing' | undefined

/** What stood under a key when it was read. As a token on the record it spares the next write a read. */
class Holding {
  readonly version: unknown
  /** As it is stored, whatever a caller makes of the record that it was given. */
  readonly stored: SessionRecord

  constructor({ text, version }: CasItem) {
    this.version = version
    this.stored = textToRecord(text)
  }

  get record(): SessionRecord {
    return { ...this.stored, token: this }
  }
}

/**
 * The calls of a store on a server that compares and sets: a read is one `gets`; a write one `cas` with the version that
 * was read, or one `add`; and again with what stands there, when it was not that. The app's clock decides what is over.
 */
export class CasSessions {
  readonly #options: CasSessionsOptions

  constructor(options: CasSessionsOptions) {
    this.#options = options
  }

  read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    return this.#guardOf(key).run('read', options, async () => this.#live(await this.#look(key)))
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    const decide: Decide = (current) => (mayWrite(record, condition, current) ? record : undefined)
    return this.#change('write', key, record, decide, assumedFor(condition), options)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    const decide: Decide = (current) => {
      const isIt = current && !isTombstone(current) && isSameWrite(current, record) && current.expiresAt < expiresAt
      return isIt ? { ...current, expiresAt } : undefined
    }
    return this.#change('touch', key, record, decide, holdingOf(record), options)
  }

  async #change(
    op: 'write' | 'touch',
    key: string,
    record: SessionRecord,
    decide: Decide,
    assumed: Assumed,
    options: CallOptions | undefined,
  ): Promise<WriteOutcome> {
    this.#assertSize(record)
    const call = async (ms: number): Promise<WriteOutcome> => {
      const endsAt = performance.now() + ms
      if (await this.#putAssumed(key, decide, assumed)) return { written: true }
      for (;;) {
        this.#assertGoesOn(endsAt, options?.signal)
        const holding = await this.#look(key)
        const current = this.#live(holding)
        const next = decide(current)
        if (!next) return { written: false, current }
        if (await this.#put(key, next, holding)) return { written: true }
      }
    }
    return this.#guardOf(key).run(op, options, call, () => this.#look(key))
  }

  /** The first try, without a read before it. That the assumption forbids the write says nothing: it may be wrong. */
  async #putAssumed(key: string, decide: Decide, assumed: Assumed): Promise<boolean> {
    if (assumed === undefined) return false
    const holding = assumed === 'nothing' ? undefined : assumed
    const next = decide(this.#live(holding))
    return next !== undefined && this.#put(key, next, holding)
  }

  #put(key: string, record: SessionRecord, over: Holding | undefined): Promise<boolean> {
    const { port } = this.#options
    const text = recordToText(record)
    return over ? port.cas(key, text, over.version, record.expiresAt) : port.add(key, text, record.expiresAt)
  }

  async #look(key: string): Promise<Holding | undefined> {
    const item = await this.#options.port.gets(key)
    return item && new Holding(item)
  }

  #live(holding: Holding | undefined): SessionRecord | undefined {
    return holding && !isExpired(holding.stored, this.#options.clock()) ? holding.record : undefined
  }

  #guardOf(key: string): CallGuard {
    const { name, guardOf } = this.#options
    if (KEY_PATTERN.test(key)) return guardOf(key)
    throw new ConfigError(`${name}: ${JSON.stringify(key)} is no key; a key matches ${KEY_PATTERN}.`)
  }

  #assertSize(record: SessionRecord): void {
    const { maxBytes } = this.#options
    const text = recordToText(record)
    if (text.length * 3 <= maxBytes) return
    const bytes = Buffer.byteLength(text)
    if (bytes > maxBytes) throw new SessionTooLargeError(bytes, maxBytes)
  }

  #assertGoesOn(endsAt: number, signal: AbortSignal | undefined): void {
    if (performance.now() < endsAt && !signal?.aborted) return
    throw new StoreUnavailableError(`${this.#options.name}: others kept writing until the deadline of this write.`)
  }
}

function assumedFor(condition: WriteCondition): Assumed {
  if (condition === 'absent') return 'nothing'
  return condition === 'newer' ? undefined : holdingOf(condition.replaces)
}

/** The token of a record that was read here. */
const holdingOf = ({ token }: SessionRecord): Holding | undefined => (token instanceof Holding ? token : undefined)
