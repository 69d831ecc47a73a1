/** The middle one, or the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

/** The median of what `a` costs in terms of `b`, round by round: noise of the machine meets both of one round. */
export const medianRatio = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((cost, round) => cost / (b[round] ?? NaN)))
