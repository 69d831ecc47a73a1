import type { Node } from './balancer-options.js'

/** A route that has two nodes: the nearest, the one for when that is away, and the others. */
export interface Pair {
  readonly first: Node
  readonly second: Node
  readonly others: readonly Node[]
}

export const pairsOf = (nodes: readonly Node[]): readonly Pair[] =>
  nodes.flatMap((first) =>
    without(nodes, first).map((second) => ({ first, second, others: without(without(nodes, first), second) })),
  )

export const without = (nodes: readonly Node[], left: Node): readonly Node[] => nodes.filter((node) => node !== left)
