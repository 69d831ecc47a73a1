import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks until the answer is yes, every 25 ms. An error counts as no. Rejects after `timeoutMs` (20 s) with `what` and the
 * last error.
 */
export async function until(what: string, ask: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const endsAt = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      if (await ask()) return
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > endsAt) throw new Error(`In ${timeoutMs} ms it did not happen: ${what}.`, { cause: last })
    await sleep(25)
  }
}
