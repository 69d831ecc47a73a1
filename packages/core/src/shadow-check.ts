import { holds } from './copies.js'
import { publishStore, type StoreOperation } from './events.js'
import type { Side } from './migrating-store.js'
import { isSameWrite, isTombstone, type SessionRecord } from './store.js'

/** So many reads are compared at one time; more are not. */
const MOST_AT_ONCE = 100
/** The copy of a write may be on its way, from another process too. */
const SECOND_LOOK_MS = 1_000

/** Since this process began. */
export interface ShadowCounts {
  /** Sessions that were read from `from` and looked up in `to`. */
  readonly compared: number
  /** Of those, the ones that `to` did not have, or not as they were, a second later. */
  readonly differed: number
  /** Copies that `to` did not take. */
  readonly failed: number
}

/** What `shadow` does with `to`. Nobody waits for it, and no failure of it is more than an event. */
export class ShadowCheck {
  readonly #from: Side
  readonly #to: Side
  readonly #running = new Set<Promise<void>>()
  readonly #waiting = new Map<NodeJS.Timeout, () => void>()
  readonly #counts = { compared: 0, differed: 0, failed: 0 }
  #comparing = 0

  constructor(from: Side, to: Side) {
    this.#from = from
    this.#to = to
  }

  get counts(): ShadowCounts {
    return { ...this.#counts }
  }

  copy(key: string, record: SessionRecord): void {
    this.#run('write', () => this.#to.store.write(key, record, 'newer'))
  }

  touch(key: string, record: SessionRecord, expiresAt: number): void {
    this.#run('touch', () => this.#to.store.touch(key, record, expiresAt))
  }

  compare(key: string, found: SessionRecord): void {
    if (this.#comparing >= MOST_AT_ONCE) return
    this.#comparing += 1
    this.#run('read', async () => {
      try {
        await this.#compare(key, found)
      } finally {
        this.#comparing -= 1
      }
    })
  }

  /** Resolves when no call is under way; what waits for its second look is let go. */
  async settled(): Promise<void> {
    for (const [timer, go] of this.#waiting) {
      clearTimeout(timer)
      go()
    }
    await Promise.all(this.#running)
  }

  async #compare(key: string, found: SessionRecord): Promise<void> {
    const there = await this.#to.store.read(key)
    if (!agrees(there, found)) {
      await this.#pause()
      const [now, then] = [await this.#from.store.read(key), await this.#to.store.read(key)]
      if (!now || !isSameWrite(now, found)) return
      if (!agrees(then, now)) {
        this.#counts.differed += 1
        publishStore({ type: 'shadow-differs', store: this.#to.name, how: then ? 'other' : 'missing' })
      }
    }
    this.#counts.compared += 1
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer)
        resolve()
      }, SECOND_LOOK_MS).unref()
      this.#waiting.set(timer, resolve)
    })
  }

  #run(operation: StoreOperation, call: () => Promise<unknown>): void {
    const running: Promise<void> = call()
      .then(
        () => {},
        () => {
          if (operation !== 'read') this.#counts.failed += 1
          publishStore({ type: 'shadow-failed', store: this.#to.name, operation })
        },
      )
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }
}

const agrees = (there: SessionRecord | undefined, found: SessionRecord): boolean =>
  there !== undefined && (isTombstone(there) ? isTombstone(found) : !isTombstone(found) && holds(there, found))
