/** Work that is done again and again until it is stopped. Keeps no process alive. */
export class Repeated {
  readonly #timers = new Set<NodeJS.Timeout>()
  #isStopped = false

  /** Runs `work` now, and each time `ms` after it has ended. It must not reject. */
  run(ms: number, work: () => Promise<void> | void): void {
    const once = async (): Promise<void> => {
      await work()
      if (this.#isStopped) return
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        void once()
      }, ms).unref()
      this.#timers.add(timer)
    }
    void once()
  }

  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) clearTimeout(timer)
  }
}
