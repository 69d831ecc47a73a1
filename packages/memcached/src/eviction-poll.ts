import { publishStore } from '@holdfast/core'

const EVERY_MS = 10_000

/**
 * Reports, as `evicted` events, what the server drops to make room: for it a session is an item as any other. Asks every
 * 10 s, while the store is used: one that is not lets its connection go. Keeps no process alive.
 */
export class EvictionPoll {
  readonly #store: string
  readonly #count: () => Promise<number>
  readonly #timer: NodeJS.Timeout
  #last: number | undefined
  #isUsed = false

  /** `count`: all evictions since the server started. */
  constructor(store: string, count: () => Promise<number>) {
    this.#store = store
    this.#count = count
    this.#timer = setInterval(() => void this.#poll(), EVERY_MS).unref()
  }

  noteUse(): void {
    this.#isUsed = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #poll(): Promise<void> {
    if (!this.#isUsed) return
    this.#isUsed = false
    try {
      this.#report(await this.#count())
    } catch {
      // That it does not answer is reported by the calls of sessions.
    }
  }

  /** A server that counts less than before has been started again. The first count is what others did before. */
  #report(evictions: number): void {
    const last = this.#last ?? evictions
    const count = evictions < last ? evictions : evictions - last
    this.#last = evictions
    if (count > 0) publishStore({ type: 'evicted', store: this.#store, count })
  }
}
