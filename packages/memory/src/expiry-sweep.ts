import type { LRUCache } from 'lru-cache'
import { isExpired, type SessionRecord } from '@holdfast/core'

/**
 * Removes expired entries of a cache, a bounded number of entries at a time; the next call goes on where the last one
 * stopped. Starts with the least recently used ones. When the entry under the cursor is used meanwhile, lru-cache ends
 * the walk there, and it starts over: what it missed was used later still.
 */
export class ExpirySweep {
  readonly #cache: LRUCache<string, SessionRecord>
  #cursor: Iterator<string> | undefined
  #passed: string | undefined

  constructor(cache: LRUCache<string, SessionRecord>) {
    this.#cache = cache
  }

  run(now: number, limit: number): void {
    const cursor = (this.#cursor ??= this.#cache.rkeys())
    for (let looked = 0; looked < limit; looked++) {
      const next = cursor.next()
      this.#removePassed(now)
      if (next.done) {
        this.#cursor = undefined
        return
      }
      this.#passed = next.value
    }
  }

  /** Only once the cursor has left an entry may it go: the cursor finds its way on from it. */
  #removePassed(now: number): void {
    if (this.#passed === undefined) return
    const record = this.#cache.peek(this.#passed)
    if (record && isExpired(record, now)) this.#cache.delete(this.#passed)
    this.#passed = undefined
  }
}
