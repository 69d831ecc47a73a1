import type { IssueLog } from './library.js'

/**
 * Takes a server out of the library's own care after an error: ours is the breaker. Left alone it refuses all calls for
 * a while after one item that the server did not store, and spawns `ping`; without that program the process ends. Its
 * list of messages grows for ever, and its timer of five minutes keeps a process alive.
 */
export function calm(log: IssueLog): void {
  log.failed = false
  log.locked = false
  log.failures = 1e9
  log.isScheduledToReconnect = true
  log.messages = []
  clearTimeout(log.failuresResetId)
}
