import type { TargetOptions } from './column.js'
import type { Stage } from './stage.js'

/** How large and how long: small in the tests of every change, large in `npm run faults`. */
export interface Scale {
  readonly visitors: number
  readonly workers: number
  /** How long a fault lasts that does not end by itself. */
  readonly holdMs: number
  /** Requests that are under way at one time where that is what a row tries. */
  readonly atOnce: number
}

/** One cell of the matrix, as `docs/faults.json` has it. */
export interface Cell {
  readonly row: string
  readonly title: string
  readonly column: string
  /** Sessions of visitors that were logged in, and after the fault were not. */
  readonly lost: number
  readonly sessions: number
  /** Acknowledged changes that are not there in the end, in sessions that are. */
  readonly missing: number
  readonly requests: number
  /** By status; `cut`: the app was gone. */
  readonly failed: Readonly<Record<string, number>>
  readonly worstWaitMs: number
  /** From the end of the fault, or from its beginning where nobody ends it, to the last request that failed. */
  readonly recoveredMs: number
  /** Answers of the servers that came after their deadline and were ignored. */
  readonly late: number
  /** What is promised, in words. */
  readonly expected: string
  /** `'holds'`, or what does not. */
  readonly verdict: string
  readonly note: string
}

/** What a row found out; the rest of its cell is the same for all. */
export type Outcome = Omit<Cell, 'row' | 'title' | 'column' | 'expected' | 'verdict'> & {
  /** Promises that did not hold. */
  readonly broken: readonly string[]
}

export interface Row {
  /** As in the list of faults: `'1'`; one with more than one variant: `'1b'`. */
  readonly number: string
  readonly title: string
  /** What is promised: everywhere, or by column; a column without an entry cannot have this fault. */
  readonly expected: string | Readonly<Partial<Record<string, string>>>
  readonly needs?: TargetOptions
  run(stage: Stage, scale: Scale): Promise<Outcome>
}

/** On the columns where each session is on two servers. */
export const onCopies = (
  expected = 'nothing is lost, nobody is logged out, hardly a 503',
): Readonly<Record<'memcached-3' | 'redis-standby' | 'redis-memcached', string>> => ({
  'memcached-3': expected,
  'redis-standby': expected,
  'redis-memcached': expected,
})

export const expectedOn = ({ expected }: Row, column: string): string | undefined =>
  typeof expected === 'string' ? expected : expected[column]

/** What a strike can ask of the load that is running meanwhile. */
export interface LoadRun {
  /** Lets the fault last. */
  hold(): Promise<void>
  /** Resolves when each visitor was served again; an error after 30 s. */
  served(): Promise<void>
  /** The fault ends now, or what ends it by itself begins: from here recovery counts. */
  over(): void
}
