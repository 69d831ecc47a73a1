import { rendezvous } from '@holdfast/core'
import type { Peer } from './peer.js'

/** A node by its name, in the order of preference for a key. */
interface Ranked {
  readonly name: string
}

interface PlacesOptions {
  readonly self: string
  readonly peers: ReadonlyMap<string, Peer>
  readonly copies: number
  /** This node is one of those that keep sessions, as it does not leave. */
  readonly stays: () => boolean
}

/** Which nodes keep which keys. Who is first, second and so on for a key follows from the list of names alone. */
export class Places {
  readonly rank: (key: string) => readonly Ranked[]
  /** So many of the rank get each change. */
  width: number
  readonly #peers: ReadonlyMap<string, Peer>
  readonly #options: PlacesOptions

  constructor(options: PlacesOptions) {
    const { self, peers, copies } = options
    this.rank = rendezvous([self, ...peers.keys()].sort().map((name) => ({ name })))
    this.width = copies
    this.#peers = peers
    this.#options = options
  }

  /** Fewer nodes are there than a session should have copies: what is written now has too few. */
  get isDegraded(): boolean {
    return this.#there().length < this.#options.copies
  }

  /** The nodes that keep a key while all are there. */
  homesOf(key: string): readonly string[] {
    return this.rank(key)
      .slice(0, this.width)
      .map(({ name }) => name)
  }

  /** The nodes that keep a key now: the first in rank of those that are there. */
  keepersOf(key: string): readonly string[] {
    return this.#firstOf(key, this.#there())
  }

  /** A node that is not there would be one of those that keep a key now. */
  isMissedFor(key: string, name: string): boolean {
    return this.#firstOf(key, [name, ...this.#there()]).includes(name)
  }

  /** Of the copies of a key that others should have, how many may not be there. */
  lackingOf(key: string): number {
    let lacking = 0
    let kept = 0
    for (const { name } of this.rank(key)) {
      if (kept === this.width) break
      const peer = this.#peers.get(name)
      if (peer?.isMadeUp) continue
      kept += 1
      if (peer?.mayLack(key)) lacking += 1
    }
    return lacking + Math.max(0, this.#options.copies - kept)
  }

  #there(): readonly string[] {
    const { self, stays } = this.#options
    const reached = [...this.#peers.values()].filter(({ isReached }) => isReached).map(({ name }) => name)
    return stays() ? [self, ...reached] : reached
  }

  #firstOf(key: string, names: readonly string[]): readonly string[] {
    return this.rank(key)
      .map(({ name }) => name)
      .filter((name) => names.includes(name))
      .slice(0, this.width)
  }
}
