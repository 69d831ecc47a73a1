import type { Introduction } from './messages.js'

interface Guest {
  readonly boot: string
  readonly isLeaving: boolean
  readonly heardAt: number
  hasSweptUs: boolean
}

/** Who was not heard for so long is not waited for. */
const SILENT_MS = 1_000
/** Who was never heard, so long: it waits 2 s for a node that does not know it, before it makes the connection itself. */
const UNHEARD_MS = 5_000

/**
 * Nodes that are in the lists of others and not in that of this one: they are being taken off all lists. Until they stop
 * they keep sessions, and one that has not stopped yet may be the only one that has some.
 */
export class Guests {
  /** By the node that told of them. */
  readonly #told = new Map<string, readonly string[]>()
  readonly #firstTold = new Map<string, number>()
  readonly #heard = new Map<string, Guest>()

  /** Another node knows these, which this one does not. */
  told(by: string, names: readonly string[]): void {
    this.#told.set(by, names)
    for (const name of names) if (!this.#firstTold.has(name)) this.#firstTold.set(name, performance.now())
  }

  heard(name: string, { boot, isLeaving }: Introduction): void {
    const before = this.#heard.get(name)
    const hasSweptUs = before?.boot === boot && before.hasSweptUs
    this.#heard.set(name, { boot, isLeaving, hasSweptUs, heardAt: performance.now() })
  }

  /** It has pushed to this node all that it holds for it. */
  swept(name: string): void {
    const guest = this.#heard.get(name)
    if (guest) guest.hasSweptUs = true
  }

  /** Those that have not. */
  get unswept(): readonly { readonly isReached: boolean }[] {
    const names = new Set([...this.#told.values(), ...this.#heard.keys()].flat())
    return [...names]
      .filter((name) => !this.#heard.get(name)?.hasSweptUs)
      .map((name) => ({ isReached: this.#isThere(name) }))
  }

  #isThere(name: string): boolean {
    const now = performance.now()
    const guest = this.#heard.get(name)
    if (guest) return !guest.isLeaving && now - guest.heardAt < SILENT_MS
    return now - (this.#firstTold.get(name) ?? 0) < UNHEARD_MS
  }
}
