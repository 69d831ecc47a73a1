import type { ChildProcess } from 'node:child_process'

/** A process that has not said that it is ready by then will not. */
const DEADLINE_MS = 30_000

/**
 * What a forked process says first: that it is ready. Rejects when it ends before that, or has said nothing for 30 s;
 * then it also calls `giveUp`, which ends the process.
 */
export function firstMessage<Message>(child: ChildProcess, name: string, giveUp: () => void): Promise<Message> {
  return new Promise((resolve, reject) => {
    const fail = (how: string): void => reject(new Error(`${name} did not start: ${how}`))
    const late = setTimeout(() => {
      fail(`not ready after ${DEADLINE_MS} ms.`)
      giveUp()
    }, DEADLINE_MS)
    child.once('message', (message) => resolve(message as Message))
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code, signal) => fail(`its process ended (${signal ?? `exit code ${code}`}).`))
    for (const event of ['message', 'error', 'exit']) child.once(event, () => clearTimeout(late))
  })
}
