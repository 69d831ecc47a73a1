/** Where sessions can live; `memory` is that of one process, `memcached` is two servers that both have each session. */
export const KINDS = ['memory', 'peer', 'redis', 'memcached', 'hazelcast'] as const
export type Kind = (typeof KINDS)[number]

export type Phase = 'off' | 'shadow' | 'switch' | 'drain' | 'done'

/** A move from one place to another. */
export interface Pair {
  readonly from: Kind
  readonly to: Kind
}

export const pairsOf = (kinds: readonly Kind[]): readonly Pair[] =>
  kinds.flatMap((from) => kinds.filter((to) => to !== from).map((to) => ({ from, to })))

export const nameOf = ({ from, to }: Pair): string => `${from}-${to}`

/** One process alone has these sessions, at one end of the move. */
export const isAlone = ({ from, to }: Pair): boolean => from === 'memory' || to === 'memory'

/** What is left behind cannot be listed there, and so it is not swept: `done` waits until it is over. */
export const cannotList = (kind: Kind): boolean => kind === 'peer' || kind === 'memcached'
