import { MapStore } from '../map-store.js'

export type FlawedStore = new (...args: ConstructorParameters<typeof MapStore>) => MapStore

/** A way in which real stores were wrong, as a `MapStore` with one step broken. */
export interface Flaw {
  readonly what: string
  readonly Store: FlawedStore
  /** The group in which a case of the suite must fail; others may fail too. */
  readonly failsIn: string
}

export const allowing = (allows: MapStore['allows']): FlawedStore =>
  class extends MapStore {
    override allows = allows
  }

export const allowingTouch = (allowsTouch: MapStore['allowsTouch']): FlawedStore =>
  class extends MapStore {
    override allowsTouch = allowsTouch
  }
