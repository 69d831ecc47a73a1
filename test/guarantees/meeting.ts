import { Gate } from '../hold/fake-target.js'

/** Requests that wait for each other: each has read its session when they go on, and none has stored anything yet. */
export class Meeting {
  readonly #all = new Gate()
  #missing: number

  constructor(requests: number) {
    this.#missing = requests
  }

  join(): Promise<void> {
    if (--this.#missing === 0) this.#all.open()
    return this.#all.passed
  }
}
