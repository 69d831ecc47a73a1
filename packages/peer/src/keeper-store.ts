import {
  isSameWrite,
  isTombstone,
  SessionTooLargeError,
  StoreUnavailableError,
  type CallOptions,
  type SessionRecord,
  type SessionStore,
  type WriteCondition,
  type WriteOutcome,
} from '@holdfast/core'
import { RECORD_BYTES } from './limits.js'
import type { PeerReply, PeerRequest, WriteId } from './messages.js'
import type { PeerNode } from './peer-node.js'

/** What became of one call at the nodes. */
export interface CallNotes {
  /** Nodes that have the write. */
  readonly takers: Set<string>
  /** Another node has answered. */
  isHeard: boolean
  /** Another node has not. */
  isMissed: boolean
}

export const NOTES = Symbol('notes')

export interface PeerCallOptions extends CallOptions {
  readonly [NOTES]?: CallNotes
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
      : await this.#ask({ op: 'read', key }, options)
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
    assertFits(record)
    const outcome = this.#isOwn
      ? await this.#node.memory.write(key, record, condition, options)
      : await this.#ask({ op: 'write', key, record, condition: conditionOf(condition) }, options)
    return this.#noted(outcome, record, options)
  }

  async touch(key: string, record: SessionRecord, expiresAt: number, options?: PeerCallOptions): Promise<WriteOutcome> {
    this.#assertStays()
    const outcome = this.#isOwn
      ? await this.#node.memory.touch(key, record, expiresAt, options)
      : await this.#ask({ op: 'touch', key, write: idOf(record), expiresAt }, options)
    return this.#noted(outcome, record, options)
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
    const record = await this.#node.memory.read(key, options)
    return { record, isFilling: record === undefined && this.#node.isFilling }
  }

  async #ask<Request extends PeerRequest>(
    request: Request,
    options: PeerCallOptions | undefined,
  ): Promise<PeerReply<Request>> {
    const notes = options?.[NOTES]
    try {
      const reply = await this.#node.ask(this.name, request, options)
      if (notes) notes.isHeard = true
      return reply
    } catch (error) {
      if (notes) notes.isMissed = true
      throw error
    }
  }

  /** What a node that leaves would take is soon gone. */
  #assertStays(): void {
    if (this.#isOwn && this.#node.isLeaving)
      throw new StoreUnavailableError(`peer: ${this.name} is leaving.`, { refused: true })
  }

  #noted(outcome: WriteOutcome, record: SessionRecord, options: PeerCallOptions | undefined): WriteOutcome {
    if (stands(outcome, record)) options?.[NOTES]?.takers.add(this.name)
    return outcome
  }
}

/** Whether the write is there after this: now, or by an earlier call whose answer was lost. Of two tombstones each is both. */
export function stands(outcome: WriteOutcome, record: SessionRecord): boolean {
  if (outcome.written) return true
  const { current } = outcome
  if (current === undefined) return false
  return isSameWrite(current, record) || (isTombstone(current) && isTombstone(record))
}

const idOf = ({ revision, tag }: SessionRecord): WriteId => ({ revision, tag })

const conditionOf = (condition: WriteCondition) =>
  typeof condition === 'string' ? condition : { replaces: idOf(condition.replaces) }

/** This node has to take no more than the others can be sent. */
function assertFits({ data }: SessionRecord): void {
  const bytes = data === null ? 0 : Buffer.byteLength(data)
  if (bytes > RECORD_BYTES) throw new SessionTooLargeError(bytes, RECORD_BYTES)
}
