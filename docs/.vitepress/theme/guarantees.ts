import results from '../../guarantees.json'

/** One test of a guarantee, as `node dev/guarantees.mjs` took it from the test run. */
export interface Proof {
  readonly test: string
  readonly on: string
  readonly state: 'passed' | 'skipped'
}

const proofs: Readonly<Record<string, readonly Proof[]>> = results as Record<string, Proof[]>

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

/** What the table prints for one guarantee on one store; `undefined` where no test ran. */
export function summary(id: string, store: string): { readonly passed: number; readonly skipped: number } | undefined {
  const list = proofsOf(id).filter(({ on }) => on === store)
  if (list.length === 0) return undefined
  const passed = list.filter(({ state }) => state === 'passed').length
  return { passed, skipped: list.length - passed }
}
