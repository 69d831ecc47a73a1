import {
  StoreUnavailableError,
  type CallOptions,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import type { PeerNode } from './peer-node.js'

/** Which nodes took the write of one call, for those that it did not reach, or answered a read. */
export const TAKERS = Symbol('takers')

export interface PeerCallOptions extends CallOptions {
  readonly [TAKERS]?: Set<string>
}

/** The sessions of one node, as another node or it itself reads and writes them: `Replicas` makes one store of them. */
export class KeeperStore implements SessionStore {
  readonly name: string
  readonly guarded = true
  readonly #node: PeerNode

  constructor(name: string, node: PeerNode) {
    this.name = name
    this.#node = node
  }

  async read(key: string, options?: PeerCallOptions): Promise<SessionRecord | undefined> {
    const { record, isFilling } = this.#isOwn
      ? await this.#readOwn(key, options)
      : await this.#node.ask(this.name, { op: 'read', key }, options)
    options?.[TAKERS]?.add(this.name)
    if (record || !isFilling) return record
    throw new StoreUnavailableError(`peer: ${this.name} has nothing, and does not have all of its share yet.`, {
      isMiss: true,
    })
  }

  async write(
    key: string,
    record: SessionRecord,
    condition: WriteCondition,
    options?: PeerCallOptions,
  ): Promise<WriteOutcome> {
    this.#assertStays()
    const outcome = this.#isOwn
      ? await this.#node.memory.write(key, record, condition, options)
      : await this.#node.ask(this.name, { op: 'write', key, record, condition }, options)
    return this.#noted(outcome, options)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: PeerCallOptions): Promise<WriteOutcome> {
    this.#assertStays()
    const outcome = this.#isOwn
      ? await this.#node.memory.touch(key, record, expiresAt, options)
      : await this.#node.ask(this.name, { op: 'touch', key, record, expiresAt }, options)
    return this.#noted(outcome, options)
  }

  async close(): Promise<void> {
    // The node closes what there is.
  }

  get #isOwn(): boolean {
    return this.name === this.#node.self
  }

  async #readOwn(
    key: string,
    options: CallOptions | undefined,
  ): Promise<{ record: SessionRecord | undefined; isFilling: boolean }> {
    return { record: await this.#node.memory.read(key, options), isFilling: this.#node.isFilling }
  }

  /** What a node that leaves would take is soon gone. */
  #assertStays(): void {
    if (this.#isOwn && this.#node.isLeaving)
      throw new StoreUnavailableError(`peer: ${this.name} is leaving.`, { refused: true })
  }

  #noted(outcome: WriteOutcome, options: PeerCallOptions | undefined): WriteOutcome {
    if (outcome.written) options?.[TAKERS]?.add(this.name)
    return outcome
  }
}
