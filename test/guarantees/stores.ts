import type { SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'

/** A store that several app servers share, opened anew for each test. */
export interface SharedStore {
  /** What one server works with: a connection of its own where there are connections. */
  connect(): SessionStore
  close(): Promise<void>
}

export interface StoreUnderTest {
  /** As `docs/guarantees.json` names it: one word in small letters. */
  readonly name: string
  open(clock: () => number): Promise<SharedStore>
}

/** The stores that the guarantees are claimed for: one line each. */
export const stores: readonly StoreUnderTest[] = [
  { name: 'memory', open: async (clock) => inProcess(memoryStore({ clock })) },
]

const inProcess = (store: SessionStore): SharedStore => ({ connect: () => store, close: () => store.close() })

/** For `describe.each` with `%s`, which prints a name as it is. */
export const named = <T extends { readonly name: string }>(all: readonly T[]): [string, T][] =>
  all.map((one) => [one.name, one])
