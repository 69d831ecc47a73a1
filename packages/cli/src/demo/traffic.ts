/** One click of one visitor each: six visitors click about every two seconds, the pace of people in a shop. */
const PACE_MS = 350
/** When many clicks are asked for at once: fast, but slow enough to see. */
const BURST_PACE_MS = 60
/** Before the next click when something changed: time to see what. */
const BREATH_MS = 1_200

/** Makes the visitors click, one click at a time: always, while it runs and somebody watches, and in bursts on demand. */
export class Traffic {
  readonly #click: () => Promise<void>
  #running = true
  #watchers = 0
  #burst = 0
  #timer: NodeJS.Timeout | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(click: () => Promise<void>) {
    this.#click = click
  }

  get running(): boolean {
    return this.#running
  }

  run(): void {
    this.#running = true
    this.#schedule(PACE_MS)
  }

  /** Ends a burst, too. Resolves when the click in flight is done. */
  async pause(): Promise<void> {
    this.#running = false
    this.#burst = 0
    clearTimeout(this.#timer)
    await this.#last
  }

  /** So many clicks, quickly, whether it runs or not. */
  burst(clicks: number): void {
    this.#burst += clicks
    this.#schedule(BURST_PACE_MS)
  }

  /** Counts somebody who looks at the page; the function that it returns ends that. */
  watch(): () => void {
    this.#watchers++
    this.#schedule(BREATH_MS)
    return () => this.#watchers--
  }

  /** Does `work` between two clicks. */
  async between(work: () => Promise<void>): Promise<void> {
    await this.#enqueue(work)
    this.#schedule(BREATH_MS)
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#tick(), delayMs)
  }

  async #tick(): Promise<void> {
    const inBurst = this.#burst > 0
    if (!inBurst && !(this.#running && this.#watchers > 0)) return
    if (inBurst) this.#burst--
    await this.#enqueue(this.#click)
    this.#schedule(this.#burst > 0 ? BURST_PACE_MS : PACE_MS)
  }
}
