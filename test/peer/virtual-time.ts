import { AsyncLocalStorage } from 'node:async_hooks'

/** A process in virtual time: what it starts belongs to it, stops while it is paused, and ends with it. */
export interface Process {
  isAlive: boolean
  isPaused: boolean
}

/** Whose work it is, and what it is done for. */
interface Activity {
  readonly process: Process | undefined
  readonly cause?: unknown
}

interface Event {
  at: number
  readonly order: number
  readonly activity: Activity
  readonly run: () => void
  isCancelled: boolean
}

const real = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, performance, Date }
const current = new AsyncLocalStorage<Activity>()
/** Then the real event loop gets its turn. */
const EVENTS_AT_ONCE = 1_000
const NOBODY: Activity = { process: undefined }

/** What the running code was started for, by `within`. */
export const currentCause = (): unknown => current.getStore()?.cause

/**
 * Time that goes on when nobody can do anything without it. While `run` runs, the timers and the clocks of this process
 * are its own: code under test needs no other.
 */
export class VirtualTime {
  #now = 1_000
  #order = 0
  readonly #heap: Event[] = []
  readonly #held: Event[] = []

  get now(): number {
    return this.#now
  }

  /** Runs `work` as what this process does, for the sake of `cause`. */
  within<T>(process: Process | undefined, work: () => T, cause?: unknown): T {
    return current.run({ process, cause }, work)
  }

  at(ms: number, process: Process | undefined, run: () => void): Event {
    return this.#at(ms, { process }, run)
  }

  /** The same, as a part of what is being done. */
  after(ms: number, run: () => void): Event {
    return this.#at(this.#now + ms, current.getStore() ?? NOBODY, run)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /** What was held back while it was paused happens now, in its order. */
  resume(process: Process): void {
    process.isPaused = false
    const held = this.#held.filter((event) => event.activity.process === process)
    this.#held.splice(0, Infinity, ...this.#held.filter((event) => event.activity.process !== process))
    for (const event of held) {
      event.at = this.#now
      this.#push(event)
    }
  }

  /** Runs `work` to its end in virtual time. */
  async run(work: () => Promise<void>): Promise<void> {
    this.#install()
    const { stackTraceLimit } = Error
    // An outage makes thousands of errors, whose stacks nobody reads.
    Error.stackTraceLimit = 0
    try {
      let isOver = false
      let failure: unknown
      work().then(
        () => (isOver = true),
        (error: unknown) => {
          failure = error
          isOver = true
        },
      )
      for (await settled(); !isOver; await settled()) {
        const event = this.#next()
        if (event.order % EVENTS_AT_ONCE === 0) await turned()
        this.#now = Math.max(this.#now, event.at)
        current.run(event.activity, event.run)
      }
      if (failure !== undefined) throw failure as Error
    } finally {
      Object.assign(globalThis, real)
      Error.stackTraceLimit = stackTraceLimit
      Object.defineProperty(globalThis, 'performance', { value: real.performance, configurable: true, writable: true })
    }
  }

  #at(ms: number, activity: Activity, run: () => void): Event {
    const event = { at: Math.max(ms, this.#now), order: this.#order++, activity, run, isCancelled: false }
    this.#push(event)
    return event
  }

  /** The next event that happens; those of a process that is paused are held back. */
  #next(): Event {
    for (;;) {
      const event = this.#pop()
      if (!event) throw new Error('Nothing can happen any more.')
      const { process } = event.activity
      if (event.isCancelled || process?.isAlive === false) continue
      if (!process?.isPaused) return event
      this.#held.push(event)
    }
  }

  #install(): void {
    const after = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): Timer =>
      new Timer(this, run, ms, args, false)
    const every = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): Timer =>
      new Timer(this, run, ms, args, true)
    const soon = (run: (...args: unknown[]) => void, ...args: unknown[]): Timer => new Timer(this, run, 0, args, false)
    const clear = (timer: Timer | undefined): void => timer?.cancel()
    Object.assign(globalThis, { setTimeout: after, setInterval: every, setImmediate: soon })
    Object.assign(globalThis, { clearTimeout: clear, clearInterval: clear, clearImmediate: clear })
    const now = (): number => this.#now
    Object.defineProperty(globalThis, 'performance', { value: { now }, configurable: true, writable: true })
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (isBefore(heap[above] as Event, event)) break
      heap[at] = heap[above] as Event
      at = above
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!last || heap.length === 0) return first
    let at = 0
    for (;;) {
      let next = 2 * at + 1
      if (next >= heap.length) break
      if (next + 1 < heap.length && isBefore(heap[next + 1] as Event, heap[next] as Event)) next++
      if (isBefore(last, heap[next] as Event)) break
      heap[at] = heap[next] as Event
      at = next
    }
    heap[at] = last
    return first
  }
}

/** What the faked functions return. */
class Timer {
  #event: Event
  constructor(time: VirtualTime, run: (...args: unknown[]) => void, ms: number, args: unknown[], isRepeated: boolean) {
    const arm = (): Event =>
      time.after(Math.max(ms, 0), () => {
        if (isRepeated) this.#event = arm()
        run(...args)
      })
    this.#event = arm()
  }

  cancel(): void {
    this.#event.isCancelled = true
  }

  unref(): this {
    return this
  }

  ref(): this {
    return this
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** All that can happen without the passing of time has happened: ticks come after microtasks, and cost less than immediates. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))
const turned = (): Promise<void> => new Promise((resolve) => real.setImmediate(resolve))
