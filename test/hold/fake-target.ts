import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import { hold, type HoldTarget } from '../../packages/core/src/hold.js'

export type Response = ServerResponse | Http2ServerResponse

/** An engine that only counts. It needs one commit, which sets a cookie, unless told otherwise. */
export class FakeTarget implements HoldTarget {
  needed = true
  asked = 0
  commits = 0
  heads = 0
  late: (error: unknown) => void = (error) => this.told.push(error)
  readonly told: unknown[] = []
  commitFailed?: (error: unknown) => void

  constructor(
    readonly res: Response,
    private readonly cookie = 'sid=1',
    private readonly run: () => Promise<void> = async () => {},
  ) {
    hold(res, this)
  }

  needsCommit(): boolean {
    this.asked++
    return this.needed
  }

  async commit(): Promise<void> {
    this.commits++
    this.needed = false
    await this.run()
  }

  applyHead(): void {
    this.heads++
    if (this.commits > 0) this.res.appendHeader('Set-Cookie', this.cookie)
  }
}

/** A promise that the test settles. */
export class Gate {
  readonly passed: Promise<void>
  open!: () => void
  fail!: (error: unknown) => void

  constructor() {
    this.passed = new Promise((resolve, reject) => {
      this.open = resolve
      this.fail = reject
    })
    this.passed.catch(() => {})
  }
}

/** Lets everything run that can run by itself: the handler writes what it is allowed to, timers aside. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

/** Bytes that left this process for the client of a request: nothing may, before the commit is done. */
export const bytesSent = (req: { readonly socket: { readonly bytesWritten: number } }): number =>
  req.socket.bytesWritten

/** Waits for something that has to become true; the timeout of the test ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}
