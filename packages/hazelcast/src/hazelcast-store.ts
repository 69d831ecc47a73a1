import {
  CallGuard,
  CasSessions,
  ConfigError,
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
import { HazelcastError, type Client } from 'hazelcast-client'
import { listenForChanges } from './change-listener.js'
import { warnOfSettings } from './client-settings.js'
import { givenClient, type ClientSource } from './client-source.js'
import { diagnoseCluster } from './cluster-diagnosis.js'
import { checkMap, type MapCheckOptions } from './map-check.js'
import { MapPort } from './map-port.js'

export interface HazelcastStoreOptions {
  /**
   * A client of the package hazelcast-client 5.6, with the properties `'hazelcast.client.autopipelining.enabled': false` and
   * `'hazelcast.client.operation.fail.on.indeterminate.state': true`: without the first it can stop the whole process when
   * the cluster dies. It stays yours: `close()` leaves it open.
   */
  readonly client: Client
  /** The map that has the sessions and nothing else. Default `'sessions'`. */
  readonly map?: string | undefined
  /** What a call may take, in ms. Default 250. */
  readonly deadlineMs?: number | undefined
  /** The longest `absolute` of a session, in ms; the map must keep its entries so long. Default 90 days, as that of `remember`. */
  readonly longestAbsoluteMs?: number | undefined
  /** Ms since the epoch; default `Date.now`. */
  readonly clock?: (() => number) | undefined
}

/**
 * Keeps sessions in a map of a Hazelcast cluster: each on a member and on its backups. A write is one command under
 * compare-and-set. An entry stays until its session could be over at the latest, also when it is idle: the cluster knows no
 * shorter lifetime for what is changed. Throws `ConfigError` for what is no client.
 */
export function hazelcastStore({
  client,
  ...options
}: HazelcastStoreOptions): SessionStore & ListsKeys & ReportsChanges & Diagnoses {
  if (typeof (client as Partial<Client> | undefined)?.getMap !== 'function') {
    throw new ConfigError(
      "hazelcastStore: client is no client of hazelcast-client. Give what Client.newHazelcastClient(…) resolved to, or give createSessions a URL: store: 'hazelcast://…'.",
    )
  }
  const store = new HazelcastStore(() => givenClient(client), options)
  warnOfSettings(client, options.map ?? DEFAULT_MAP)
  return store
}

const NAME = 'hazelcast'
const DEFAULT_MAP = 'sessions'
const DAY_MS = 86_400_000
/** The cluster has no limit of its own; a larger value would hold up all others on its connection. */
const MAX_BYTES = 1_000_000
/** For calls before it is known which member has a key. */
const UNKNOWN = ''

export class HazelcastStore implements SessionStore, ListsKeys, ReportsChanges, Diagnoses {
  readonly name = NAME
  readonly guarded = true
  readonly #source: ClientSource
  readonly #port: MapPort
  readonly #sessions: CasSessions
  readonly #mapName: string
  readonly #deadlineMs: number
  readonly #longestMs: number
  readonly #clock: () => number
  /** By the id of the member: one that hangs does not hinder the calls to others. */
  readonly #guards = new Map<string, CallGuard>()
  readonly #stops = new Set<() => void>()
  #closed = false

  /** `open` is called once the options are known to be good. */
  constructor(open: () => ClientSource, options: Omit<HazelcastStoreOptions, 'client'>) {
    const { map = DEFAULT_MAP, deadlineMs = 250, longestAbsoluteMs = 90 * DAY_MS, clock = Date.now } = options
    if (!MAP_NAME.test(map))
      throw new ConfigError(
        `hazelcastStore: map is ${JSON.stringify(map)}. Use 1 to 100 letters, digits, '_', '.', '-'.`,
      )
    if (!(deadlineMs > 0)) throw new ConfigError(`hazelcastStore: deadlineMs is ${deadlineMs}. Use a number above 0.`)
    const source = open()
    this.#source = source
    this.#mapName = map
    this.#deadlineMs = deadlineMs
    this.#longestMs = longestAbsoluteMs
    this.#clock = clock
    this.#port = new MapPort(source, map, clock)
    const guardOf = (key: string): CallGuard => this.#guard(this.#memberOf(key))
    this.#sessions = new CasSessions({ name: NAME, port: this.#port, guardOf, maxBytes: MAX_BYTES, clock })
    this.#stops.add(source.onClient(() => this.#forgetMembers()))
  }

  async read(key: string, options?: CallOptions): Promise<SessionRecord | undefined> {
    this.#assertOpen()
    return this.#sessions.read(key, options)
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: CallOptions,
  ): Promise<WriteOutcome> {
    this.#assertOpen()
    return this.#sessions.write(key, record, condition, options)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: CallOptions): Promise<WriteOutcome> {
    this.#assertOpen()
    return this.#sessions.touch(key, record, expiresAt, options)
  }

  /**
   * Rejects while the cluster cannot be used, and where the map would keep sessions for ever or too short a time. Warns of
   * what else is seen to be unfit.
   */
  async ready(options?: CallOptions): Promise<void> {
    await this.#whenFound(() => this.#guard('ready').run('read', options, async () => checkMap(await this.#lookedAt())))
  }

  /** Of each member. What the members are configured with is asked by the protocol of the Management Center. */
  async diagnose(options?: CallOptions): Promise<Diagnosis> {
    return this.#whenFound(async () => {
      const ask = <T>(question: () => Promise<T>): Promise<T> => this.#guard('ready').run('read', options, question)
      return diagnoseCluster({ ...(await ask(() => this.#lookedAt())), clock: this.#clock, ask })
    })
  }

  async *keys(options?: CallOptions): AsyncIterable<string> {
    this.#assertOpen()
    const found = await this.#guard(UNKNOWN).run('read', options, async () => (await this.#port.map()).keySet())
    for (const key of found) if (KEY_PATTERN.test(key)) yield key
  }

  onChange(listener: (key: string | undefined) => void): () => void {
    this.#assertOpen()
    const stop = listenForChanges(this.#source, this.#port, listener)
    this.#stops.add(stop)
    return () => {
      this.#stops.delete(stop)
      stop()
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const stop of this.#stops) stop()
    await this.#source.close()
  }

  /** Says why no cluster was found. */
  async #whenFound<T>(look: () => Promise<T>): Promise<T> {
    this.#assertOpen()
    try {
      return await look()
    } catch (error) {
      const { failure } = this.#source
      if (failure === undefined || error instanceof ConfigError) throw error
      throw new StoreUnavailableError(`${NAME}: no cluster was found: ${messageOf(failure)}`, { cause: failure })
    }
  }

  async #lookedAt(): Promise<MapCheckOptions> {
    const [client, map] = [await this.#source.get(), await this.#port.map()]
    return { client, map, name: this.#mapName, longestMs: this.#longestMs }
  }

  /** The id of the member that has a key, as far as is known. */
  #memberOf(key: string): string {
    try {
      const partitions = this.#source.now?.getPartitionService()
      return String(partitions?.getPartitionOwner(partitions.getPartitionId(key)) ?? UNKNOWN)
    } catch {
      return UNKNOWN
    }
  }

  #guard(member: string): CallGuard {
    let guard = this.#guards.get(member)
    if (!guard) {
      guard = new CallGuard(NAME, { deadlineMs: this.#deadlineMs, isAnswer })
      this.#guards.set(member, guard)
    }
    return guard
  }

  #forgetMembers(): void {
    this.#guards.clear()
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreUnavailableError(`${NAME}: the store is closed.`, { refused: true })
  }
}

const MAP_NAME = /^[\w.-]{1,100}$/

/** What a member said no to, a cluster that is too small for one. */
const isAnswer = (error: unknown): boolean =>
  error instanceof HazelcastError && /SplitBrainProtection/.test(error.constructor.name)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
