export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number
  /** From opening, or from a failed probe, to the next probe. */
  readonly probeMs: number
  /** Called when it opens and when it closes again, not for a probe in between. */
  readonly onChange: (state: 'opened' | 'closed') => void
}

type State =
  | { readonly name: 'closed'; readonly failures: number }
  | { readonly name: 'open'; readonly probeAt: number }
  /** One call is on its way; what comes meanwhile is refused. */
  | { readonly name: 'probing' }

const CLOSED: State = { name: 'closed', failures: 0 }

/**
 * Keeps calls from a server that does not answer. Ask `admit` before each call and report how it ended; what says
 * nothing about the server (its caller gave up) is not reported, but for a probe: `abandonProbe`.
 */
export class Breaker {
  readonly #options: BreakerOptions
  #state: State = CLOSED

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** `probe`: this one call may go and its end decides, so it must be reported. */
  admit(): 'call' | 'probe' | 'refuse' {
    if (this.#state.name === 'closed') return 'call'
    if (this.#state.name === 'probing' || performance.now() < this.#state.probeAt) return 'refuse'
    this.#state = { name: 'probing' }
    return 'probe'
  }

  /** Closes it, also when the call was sent before it opened: the server is there. */
  succeeded(): void {
    const { name } = this.#state
    this.#state = CLOSED
    if (name !== 'closed') this.#options.onChange('closed')
  }

  /** Calls that were sent before it opened and fail later change nothing. */
  failed(): void {
    if (this.#state.name !== 'closed') return
    const failures = this.#state.failures + 1
    if (failures < this.#options.failures) {
      this.#state = { name: 'closed', failures }
    } else {
      this.#open()
      this.#options.onChange('opened')
    }
  }

  /** The probe failed, or ended without saying anything: the next one goes after `probeMs`. */
  abandonProbe(): void {
    if (this.#state.name === 'probing') this.#open()
  }

  /** While it is open: the next call is a probe, now. */
  probeNow(): void {
    if (this.#state.name === 'open') this.#state = { name: 'open', probeAt: performance.now() }
  }

  #open(): void {
    this.#state = { name: 'open', probeAt: performance.now() + this.#options.probeMs }
  }
}
