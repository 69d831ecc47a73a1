interface Corkable {
  cork(): void
  uncork(): void
}

/** Commands that leave in one write. */
const AT_ONCE = 64

/**
 * What is sent in one turn of the event loop leaves in few writes: at 64 requests at a time that is a tenth to a fifth of the
 * CPU. Of more the first do not wait for the last: such a turn may take longer than a call. Call `gather` before each command.
 */
export class GatheredWrites {
  /** Calls in this turn of the event loop. */
  readonly #gathering = new Map<Corkable, number>()

  gather(stream: Corkable): void {
    const gathered = this.#gathering.get(stream) ?? 0
    this.#gathering.set(stream, gathered + 1)
    if (gathered === 0) {
      stream.cork()
      setImmediate(() => {
        this.#gathering.delete(stream)
        stream.uncork()
      })
    } else if (gathered % AT_ONCE === 0) {
      stream.uncork()
      stream.cork()
    }
  }
}
