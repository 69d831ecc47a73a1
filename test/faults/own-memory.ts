import { recordToText, textToRecord } from '../../packages/core/src/record-text.js'
import { PeerNode } from '../../packages/peer/src/peer-node.js'
import type { PeerStatus } from '../../packages/peer/src/peer-status.js'
import type { Calls } from './column.js'

/** What a node of `peer` knows of itself and of the others, and what its own memory was asked. */
export interface NodeReport {
  readonly status: PeerStatus
  readonly calls: Calls
}

/** The peer node that this process starts, and its own memory, past the other nodes. */
export class OwnMemory {
  #node: PeerNode | undefined
  #reads = 0
  #writes = 0

  /** Watches out for the node, which the store of the app starts. */
  constructor() {
    const { start } = PeerNode.prototype
    const found = (node: PeerNode): void => {
      this.#node = node
      this.#count(node)
    }
    PeerNode.prototype.start = function (this: PeerNode) {
      found(this)
      return start.call(this)
    }
  }

  async report(): Promise<NodeReport> {
    return { status: await this.#started.status(), calls: { reads: this.#reads, writes: this.#writes } }
  }

  /** As a server would keep it: a text. */
  async bytes(id: string): Promise<string | undefined> {
    const record = await this.#started.memory.read(id)
    return record && recordToText(record)
  }

  /** In place of the bytes that are there. */
  async put(id: string, bytes: string): Promise<void> {
    const { memory } = this.#started
    const current = await memory.read(id)
    if (current === undefined) throw new Error('There is nothing in place of which it could be put.')
    const { data, tag } = textToRecord(bytes)
    await memory.write(id, tag ? { ...current, data } : { ...current, data: bytes }, { replaces: current })
  }

  get #started(): PeerNode {
    if (!this.#node) throw new Error('No node was started in this process.')
    return this.#node
  }

  #count({ memory }: PeerNode): void {
    const { read, write, touch } = memory
    memory.read = (...args) => {
      this.#reads++
      return read.apply(memory, args)
    }
    memory.write = (...args) => {
      this.#writes++
      return write.apply(memory, args)
    }
    memory.touch = (...args) => {
      this.#writes++
      return touch.apply(memory, args)
    }
  }
}
