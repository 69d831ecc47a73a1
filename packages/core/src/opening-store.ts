import type { AdapterContext, StoreAdapter } from './adapters.js'
import { codeOf, ConfigError, StoreUnavailableError } from './errors.js'
import { publishSession, warnOnce } from './events.js'
import { guard } from './guard.js'
import { askReady } from './ready.js'
import {
  type CallOptions,
  type Health,
  listsKeys,
  type ListsKeys,
  type RanksNodes,
  ranksNodes,
  type ReportsChanges,
  reportsChanges,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from './store.js'
import { STORE_CALL_MS } from './budget.js'

const RETRY_MS = [100, 250, 500, 1_000, 2_000, 5_000] as const

/**
 * A store that is being opened. Calls wait for it as long as for any answer (250 ms), then reject with
 * `StoreUnavailableError`; opening goes on until it succeeds or the store is closed.
 */
export class OpeningStore implements SessionStore, ListsKeys, RanksNodes, ReportsChanges {
  readonly guarded = true
  readonly #scheme: string
  readonly #opened: Promise<SessionStore>
  #store: SessionStore | undefined
  #failure: unknown
  #closed = false
  #retry: (() => void) | undefined

  constructor(
    adapter: Pick<StoreAdapter, 'open'>,
    url: string,
    context: AdapterContext,
    first?: Promise<SessionStore>,
  ) {
    this.#scheme = url.slice(0, url.indexOf(':'))
    this.#opened = this.#open(adapter, url, context, first)
  }

  get name(): string {
    return this.#store?.name ?? this.#scheme
  }

  read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    return this.#store ? this.#store.read(key, options) : this.#when(options).then((store) => store.read(key, options))
  }

  write(key: string, record: SessionRecord, condition: WriteCondition, options?: CallOptions): Promise<WriteOutcome> {
    if (this.#store) return this.#store.write(key, record, condition, options)
    return this.#when(options).then((store) => store.write(key, record, condition, options))
  }

  touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    if (this.#store) return this.#store.touch(key, record, expiresAt, options)
    return this.#when(options).then((store) => store.touch(key, record, expiresAt, options))
  }

  async ready(options?: CallOptions): Promise<void> {
    await askReady(this.#store ?? (await this.#when(options)), options)
  }

  health(): Health {
    if (!this.#store) return { ok: false, reason: `${this.#scheme}: the store is not open yet.` }
    return this.#store.health?.() ?? { ok: true }
  }

  status(): unknown {
    return this.#store?.status?.()
  }

  async drain(options?: CallOptions): Promise<void> {
    await this.#store?.drain?.(options)
  }

  nodesOf(key: string): readonly string[] {
    return this.#store && ranksNodes(this.#store) ? this.#store.nodesOf(key) : []
  }

  /** Rejects with `ConfigError` where the store that is opened cannot list them. */
  async *keys(options?: CallOptions): AsyncIterable<string> {
    const store = this.#store ?? (await this.#when(options))
    if (!listsKeys(store)) throw new ConfigError(`${this.name}: this store cannot list its keys.`)
    yield* store.keys(options)
  }

  /** Reports nothing where the store that is opened does not. */
  onChange(listener: (key: string | undefined) => void): () => void {
    let stop: (() => void) | undefined = () => {}
    void this.#opened.then((store) => {
      if (stop && reportsChanges(store)) stop = store.onChange(listener)
    })
    return () => {
      stop?.()
      stop = undefined
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#retry?.()
    await this.#store?.close()
  }

  async #open(
    adapter: Pick<StoreAdapter, 'open'>,
    url: string,
    context: AdapterContext,
    first?: Promise<SessionStore>,
  ): Promise<SessionStore> {
    for (let attempt = 0; ; attempt++) {
      try {
        const store = guard(await (attempt === 0 && first ? first : adapter.open(url, context)))
        if (this.#closed) await store.close()
        this.#store = store
        return store
      } catch (error) {
        this.#report(error)
      }
      await this.#pause(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] as number)
      if (this.#closed) return new Promise(() => {})
    }
  }

  #report(error: unknown): void {
    this.#failure = error
    publishSession({ type: 'opening-failed', code: codeOf(error) })
    warnOnce(
      'HOLDFAST_STORE_NOT_OPEN',
      `The session store '${this.#scheme}:' cannot be opened yet, and is tried again: ${(error as Error).message}`,
    )
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref()
      this.#retry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #when({ timeoutMs = STORE_CALL_MS, signal }: CallOptions = {}): Promise<SessionStore> {
    return new Promise((resolve, reject) => {
      const giveUp = () =>
        reject(
          new StoreUnavailableError(`${this.#scheme}: the store is not open yet.`, {
            cause: this.#failure,
            refused: true,
          }),
        )
      if (this.#closed || signal?.aborted) return giveUp()
      const timer = setTimeout(giveUp, Math.min(timeoutMs, STORE_CALL_MS)).unref()
      signal?.addEventListener('abort', giveUp, { once: true })
      void this.#opened.then((store) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', giveUp)
        resolve(store)
      })
    })
  }
}
