/** A clock that stands still until it is told to go on: hand its `now` to whatever takes a `clock`. */
export interface TestClock {
  readonly now: () => number
  readonly advance: (ms: number) => void
}

/** Starts at the present, so that deadlines sent to a real server are in its future too. */
export function createClock(startAt = Date.now()): TestClock {
  let now = startAt
  return {
    now: () => now,
    advance: (ms) => {
      now += ms
    },
  }
}
