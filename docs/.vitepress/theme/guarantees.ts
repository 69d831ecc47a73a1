import results from '../../guarantees.json' with { type: 'json' }

/** One test of a guarantee that passed, as `node dev/guarantees.mjs` took it from the test run. */
export interface Proof {
  readonly test: string
  readonly on: string
}

const proofs: Readonly<Record<string, readonly Proof[]>> = results

export const titles: Readonly<Record<string, string>> = {
  G1: 'No lost update',
  G2: 'Destroy wins',
  G3: 'Nothing is sent before it is stored',
  G4: 'A reader writes nothing',
  G5: 'One server may die',
  G6: 'A rolling restart logs nobody out',
  G7: 'A store that is down costs no time',
  G8: 'The standby takes over',
  G9: 'A change is seen by the next request',
  G10: 'Bad cookies cost nothing',
  G11: 'Sessions end when they should',
  G12: 'Moving between stores logs nobody out',
}

export const proofsOf = (id: string): readonly Proof[] => proofs[id] ?? []

/** The stores that any test of a guarantee ran on, in the order of the file. */
export const stores: readonly string[] = [...new Set(Object.values(proofs).flatMap((list) => list.map(({ on }) => on)))]

/** How many tests of one guarantee passed on one store. */
export const passed = (id: string, store: string): number => proofsOf(id).filter(({ on }) => on === store).length
