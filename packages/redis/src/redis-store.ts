import {
  isExpired,
  isTombstone,
  joinDiagnoses,
  KEY_PATTERN,
  StoreUnavailableError,
  type CallOptions,
  type Diagnoses,
  type Diagnosis,
  type ListsKeys,
  type ReportsChanges,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import { ChangeFeed } from './change-feed.js'
import { assertClient, isCluster, type RedisClient, type RedisConnection } from './client.js'
import { warnOfSettings } from './client-settings.js'
import { ClusterServers } from './cluster-servers.js'
import { keepOpen } from './keep-open.js'
import { hasCode } from './reply-errors.js'
import { TOUCH, WRITE, type Script } from './scripts.js'
import { assertClock, checkServer, msAhead } from './server-checks.js'
import { diagnoseServer } from './server-diagnosis.js'
import type { Servers } from './servers.js'
import { SingleServer } from './single-server.js'
import { assertDeadline, assertDurability, assertPrefix, type Durability } from './store-options.js'
import { decode, digits, encode } from './stored-value.js'

export interface RedisStoreOptions {
  /** A `Redis` or `Cluster` of ioredis 5 or 6. It stays yours: `close()` leaves it open. */
  readonly client: RedisClient
  /** Comes before each key; letters, digits and `: . _ - /`. Default `'sess:'`. */
  readonly prefix?: string | undefined
  /** What a call may take, in ms. Default 250. */
  readonly deadlineMs?: number | undefined
  /**
   * `'replicated'`: creates, rotations and destroys are acknowledged when a replica has them too (`WAIT`);
   * `'replicated-all'`: every write. Default: when the server that took them has them.
   */
  readonly durability?: Durability | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

type RedisCapabilities = ListsKeys & ReportsChanges & Diagnoses

/**
 * Keeps sessions in Redis: a single server, the master that Sentinel names, or a Cluster. Each call is one command for
 * one key. Redis forgets records a second after their end by itself. Throws `ConfigError` for what is no client of ioredis.
 */
export function redisStore(options: RedisStoreOptions): SessionStore & RedisCapabilities {
  return new RedisStore(options, false)
}

/** As `redisStore`, for a client that was opened for this store: it closes with it. */
export const redisStoreWithOwnClient = (options: RedisStoreOptions): SessionStore & RedisCapabilities =>
  new RedisStore(options, true)

const NAME = 'redis'
/** The server keeps a record so much longer than it lives: its clock may be ahead of the app's. */
const KEEP_LONGER_MS = 1_000

class RedisStore implements SessionStore, ListsKeys, ReportsChanges, Diagnoses {
  readonly name = NAME
  readonly guarded = true
  readonly #client: RedisClient
  readonly #closeClient: (() => void) | undefined
  readonly #servers: Servers
  readonly #changes: ChangeFeed
  readonly #prefix: string
  readonly #clientPrefix: string
  readonly #durability: Durability | undefined
  readonly #clock: () => number
  #closed = false

  constructor(options: RedisStoreOptions, ownsClient: boolean) {
    const { client, prefix = 'sess:', deadlineMs = 250, durability, clock = Date.now } = options
    assertClient(client)
    assertPrefix(prefix)
    assertDeadline('deadlineMs', deadlineMs)
    assertDurability(durability)
    const clientPrefix = client.options.keyPrefix ?? ''
    if (clientPrefix !== '') assertPrefix(clientPrefix, 'keyPrefix of the client')
    if (!ownsClient) warnOfSettings(client, deadlineMs)
    this.#client = client
    this.#closeClient = ownsClient ? keepOpen(client) : undefined
    this.#prefix = prefix
    this.#clientPrefix = clientPrefix
    this.#durability = durability
    this.#clock = clock
    const onReady = (connection: RedisConnection): void => void checkServer(connection, clock)
    const servers = { name: NAME, deadlineMs, onReady }
    this.#servers = isCluster(client) ? new ClusterServers(client, servers) : new SingleServer(client, servers)
    this.#changes = new ChangeFeed(this.#servers, servers, clientPrefix + prefix)
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    const name = this.#nameOf(key)
    const text = await this.#servers.of(this.#clientPrefix + name).run('read', options, () => this.#get(name))
    return text === null ? undefined : this.#live(text, this.#clock())
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    const now = this.#clock()
    const replaces = typeof condition === 'object' ? condition.replaces : undefined
    const isReplicated = this.#isReplicated(record, condition)
    const args = [
      digits(now),
      typeof condition === 'object' ? 'replaces' : condition,
      keepFor(record.expiresAt, now),
      encode(record),
      replaces ? digits(replaces.revision) : '',
      replaces?.tag ?? '',
      isReplicated ? '1' : '',
    ]
    const reply = isReplicated
      ? await this.#replicate(key, args, options)
      : await this.#evaluate('write', WRITE, key, options, args)
    return this.#outcome(reply, now)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    const now = this.#clock()
    const reply = await this.#evaluate('touch', TOUCH, key, options, [
      digits(now),
      digits(expiresAt),
      keepFor(expiresAt, now),
      digits(record.revision),
      record.tag,
    ])
    return this.#outcome(reply, now)
  }

  /** Rejects while a master does not answer, or its clock is more than 5 s off. */
  async ready(options?: CallOptions): Promise<void> {
    this.#assertOpen()
    const masters = await this.#servers.masters(options)
    const checks = masters.map(async ({ server, connection }) => {
      assertClock(await server.run('read', options, () => msAhead(connection, this.#clock)))
    })
    await Promise.all(checks)
  }

  /** Of each master. What it may not ask is left out, or said. */
  async diagnose(options?: CallOptions): Promise<Diagnosis> {
    this.#assertOpen()
    const [client, clock, durability] = [this.#client, this.#clock, this.#durability]
    const kind = isCluster(client) ? 'cluster' : client.options.sentinels?.length ? 'sentinel' : 'single'
    const looks = (await this.#servers.masters(options)).map(({ server, connection }) => {
      const ask = <T>(question: () => Promise<T>): Promise<T> => server.run('read', options, question)
      return diagnoseServer({ connection, kind, durability, clock, ask })
    })
    return joinDiagnoses(await Promise.all(looks))
  }

  async *keys(options?: CallOptions): AsyncIterable<string> {
    this.#assertOpen()
    const prefix = this.#clientPrefix + this.#prefix
    for (const { server, connection } of await this.#servers.masters(options)) {
      let cursor = '0'
      do {
        this.#assertOpen()
        const scan = (): Promise<unknown> => connection.call('SCAN', cursor, 'MATCH', `${prefix}*`, 'COUNT', '1000')
        const [next, found] = (await server.run('read', options, scan)) as [string, string[]]
        for (const name of found) {
          const key = name.slice(prefix.length)
          if (KEY_PATTERN.test(key)) yield key
        }
        cursor = String(next)
      } while (cursor !== '0')
    }
  }

  onChange(listener: (key: string | undefined) => void): () => void {
    this.#assertOpen()
    return this.#changes.listen(listener)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#changes.close()
    this.#servers.release()
    this.#closeClient?.()
  }

  #isReplicated(record: SessionRecord, condition: WriteCondition): boolean {
    if (this.#durability === undefined) return false
    return this.#durability === 'replicated-all' || condition === 'absent' || isTombstone(record)
  }

  async #replicate(key: string, args: readonly string[], options: CallOptions | undefined): Promise<unknown> {
    const name = this.#clientPrefix + this.#nameOf(key)
    const replicated = await this.#servers.replicated(name, options)
    return replicated.write(name, args, options)
  }

  #get(name: string): Promise<string | null> {
    return this.#client.get(name).catch((error: unknown) => {
      if (hasCode(error, 'WRONGTYPE')) return ''
      throw error
    })
  }

  #evaluate(
    operation: 'write' | 'touch',
    { sha, source }: Script,
    key: string,
    options: CallOptions | undefined,
    args: readonly string[],
  ): Promise<unknown> {
    const name = this.#nameOf(key)
    const send = (): Promise<unknown> =>
      this.#client.evalsha(sha, 1, name, ...args).catch((error: unknown) => {
        if (hasCode(error, 'NOSCRIPT')) return this.#client.eval(source, 1, name, ...args)
        throw error
      })
    return this.#servers.of(this.#clientPrefix + name).run(operation, options, send, () => this.#get(name))
  }

  #outcome(reply: unknown, now: number): WriteOutcome {
    if (!Array.isArray(reply)) return { written: true }
    const [text] = reply as readonly (string | undefined)[]
    return { written: false, current: text === undefined ? undefined : this.#live(text, now) }
  }

  #live(text: string, now: number): SessionRecord | undefined {
    const record = decode(text)
    return isExpired(record, now) ? undefined : record
  }

  #nameOf(key: string): string {
    this.#assertOpen()
    return this.#prefix + key
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreUnavailableError(`${NAME}: the store is closed.`, { refused: true })
  }
}

const keepFor = (expiresAt: number, now: number): string =>
  String(Math.ceil(Math.max(0, expiresAt - now)) + KEEP_LONGER_MS)
