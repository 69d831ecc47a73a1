import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { answerFailure, prepareFailure } from './hold-failure.js'
import { FixedHead } from './hold-fixed-head.js'
import {
  checkChunk,
  checkHead,
  headersSentError,
  HOLD,
  isDestroyed,
  nodeError,
  setHead,
  type NodeResponse,
} from './hold-head.js'
import { Layer } from './hold-layer.js'

/** What one engine wants done before a response and at its head. */
export interface HoldTarget {
  /**
   * Asked at the first byte, when status and headers are those that will be sent, and again at the `end` of a response
   * that began before (`ending`: the handler has said all). Must not throw.
   */
  needsCommit(ending: boolean): boolean
  /** When it rejects, the error is the answer (its `status` and `headers`, else 500) in place of the handler's. */
  commit(): Promise<void>
  /** Called once, right before the real head goes out, also after a failed commit: the place to append cookies. */
  applyHead(): void
  /** May answer instead of the plain failure. While it runs, writes go straight to the client; it cannot wait. */
  readonly commitFailed?: ((error: unknown) => void) | undefined
  /** Gets an error that nobody can be told any more: a replay or a `commitFailed` that threw. */
  late?(error: unknown): void
}

/** open: no byte yet. held: the commits run. released: Node has it. failed: answered in the handler's place. */
type Phase = 'open' | 'held' | 'released' | 'failed'
type Method = 'writeHead' | 'write' | 'end' | 'flushHeaders'
type Methods = Pick<NodeResponse, Method>
type HeldResponse = NodeResponse & { [HOLD]: Hold }
interface Source {
  destroy?(): unknown
}

/** Not less than a stream's high-water mark (16 KiB, 64 KiB from Node 22), so that a replay of so much asks for a drain itself. */
const HELD_BYTES = 64 * 1024

/**
 * Holds a response back until the commits of its targets are done: nothing leaves before. The first byte, also a
 * `flushHeaders`, starts them; when there is nothing to commit it passes in the same tick. Informational answers (1xx)
 * pass. A second `hold` adds its target to the first. Left alone: a response whose head was asked for already, and what
 * is none.
 */
export function hold(response: ServerResponse | Http2ServerResponse, target: HoldTarget): void {
  const res = response as unknown as HeldResponse
  if (!isResponse(res) || res.headersSent) return
  const held = (response as Partial<HeldResponse>)[HOLD]
  if (held) {
    held.targets.push(target)
    return
  }
  const shared = layer.shared(res)
  res[HOLD] = new Hold(res, target, shared)
  if (!shared) Object.assign(res, HOLDING)
  response.on('pipe', rememberSource)
}

/** False for what socket libraries pass when they run middleware for an upgrade: `{}`, or a stub with some of the methods. */
export const isResponse = (res: object): boolean => typeof (res as Partial<NodeResponse>).appendHeader === 'function'

/** The state of one response that is held. */
class Hold {
  phase: Phase = 'open'
  ended = false
  failure: unknown
  readonly targets: HoldTarget[]
  readonly sources: Source[] = []
  readonly below: Methods
  private readonly calls: [Method, unknown[]][] = []
  private bytes = 0
  private owesDrain = false
  private headApplied = false
  head: FixedHead | undefined

  constructor(
    private readonly res: HeldResponse,
    target: HoldTarget,
    below: Methods = { writeHead: res.writeHead, write: res.write, end: res.end, flushHeaders: res.flushHeaders },
  ) {
    this.targets = [target]
    this.below = below
  }

  fixHead(): void {
    this.head ??= new FixedHead(this.res, () => this.ended)
  }

  /** The real head, below all wrappers; what they set on it is there by now. */
  sendHead(): void {
    if (!this.headApplied) {
      this.headApplied = true
      for (const target of this.targets) target.applyHead()
    }
    this.below.writeHead.call(this.res, this.res.statusCode)
  }

  /** A byte wants to leave; the first one decides. Gives the phase that it meets. */
  meet(ending = false): Phase {
    if (this.phase !== 'open') {
      if (ending && !this.ended) for (const target of this.targets) target.needsCommit(true)
      return this.phase
    }
    if (!this.head) checkHead(this.res)
    const owing = this.targets.filter((target) => target.needsCommit(ending))
    if (owing.length === 0) {
      this.release()
    } else {
      this.fixHead()
      this.phase = 'held'
      void this.commit(owing)
    }
    return this.phase
  }

  pass(method: Method, args: unknown[]): unknown {
    return this.below[method].apply(this.res, args)
  }

  /** Keeps a call for later; false when the caller should wait for `drain`. */
  keep(method: Method, args: unknown[]): boolean {
    this.calls.push([method, args])
    if (method === 'end') this.ended = true
    this.bytes += (args[0] as { length?: number } | undefined)?.length ?? 0
    if (this.bytes < HELD_BYTES) return true
    this.owesDrain = true
    return false
  }

  private async commit(owing: readonly HoldTarget[]): Promise<void> {
    const results = await Promise.allSettled(owing.map(async (target) => target.commit()))
    const failed = results.findIndex((result) => result.status === 'rejected')
    if (failed === -1) this.release()
    else this.fail(owing[failed]!, (results[failed] as PromiseRejectedResult).reason)
  }

  private release(): void {
    this.phase = 'released'
    this.head?.release()
    if (this.calls.length === 0) return
    try {
      if (isDestroyed(this.res)) this.discard(destroyedError())
      else this.replay()
    } catch (error) {
      this.giveUp(error)
    }
  }

  private replay(): void {
    for (const [method, args] of this.calls) this.pass(method, args)
    this.calls.length = 0
    const { res } = this
    const drainsItself = res.writableNeedDrain ?? res.stream?.writableNeedDrain
    if (this.owesDrain && !this.ended && !drainsItself) process.nextTick(() => res.emit('drain'))
  }

  private fail(target: HoldTarget, error: unknown): void {
    this.failure = error
    this.head?.release()
    this.discard(error)
    if (!isDestroyed(this.res)) {
      this.phase = 'released'
      this.answer(target, error)
    }
    this.phase = 'failed'
    // A source that was told to wait would keep its file open for ever: no drain comes after the end.
    for (const source of this.sources) if (source !== this.res.req) source.destroy?.()
  }

  /** Answers below all wrappers: they may be in the middle of the handler's body (a compression stream). */
  private answer(target: HoldTarget, error: unknown): void {
    const { res } = this
    Object.assign(res, HOLDING)
    try {
      this.render(target, error)
      if (!res.headersSent) answerFailure(res, error)
      else if (!res.writableEnded) res.end()
    } catch (failure) {
      this.giveUp(failure)
    }
  }

  private render(target: HoldTarget, error: unknown): void {
    if (!target.commitFailed) return
    prepareFailure(this.res, error)
    try {
      target.commitFailed(error)
    } catch (failure) {
      target.late?.(failure)
    }
  }

  private discard(error: unknown): void {
    for (const [, args] of this.calls) callBack(args, error)
    this.calls.length = 0
  }

  private giveUp(error: unknown): void {
    this.res.destroy()
    for (const target of this.targets) target.late?.(error)
  }
}

/** The methods of every held response; what differs is in its `Hold`. */
const HOLDING: Methods & ThisType<HeldResponse> = {
  writeHead(...args) {
    const hold = this[HOLD]
    if (hold.phase === 'failed') return this
    if (this.headersSent) {
      if (hold.phase === 'released') return hold.pass('writeHead', args)
      throw headersSentError()
    }
    // Node's own call, when the head was checked at the first byte: each more look at a response of Express costs 1 µs.
    const isImplicit = hold.phase === 'released' && args.length === 1 && args[0] === this.statusCode
    if (!isImplicit) setHead(this, ...args)
    if (hold.phase === 'released') hold.sendHead()
    else hold.fixHead()
    return this
  },

  write(...args) {
    const hold = this[HOLD]
    const [chunk] = args
    if (hold.phase !== 'released') checkChunk(chunk)
    const phase = hold.meet()
    if (phase === 'released') return hold.pass('write', args)
    if (phase === 'held' && !hold.ended) return hold.keep('write', args)
    callBack(args, hold.failure ?? afterEndError())
    return phase === 'failed'
  },

  end(...args) {
    const hold = this[HOLD]
    const [chunk] = args
    if (hold.phase !== 'released' && chunk && typeof chunk !== 'function') checkChunk(chunk)
    const phase = hold.meet(true)
    if (phase === 'released') return hold.pass('end', args)
    if (phase === 'held' && !hold.ended) hold.keep('end', args)
    else callBack(args, hold.failure ?? afterEndError())
    return this
  },

  flushHeaders() {
    const hold = this[HOLD]
    const phase = hold.meet()
    if (phase === 'released') hold.pass('flushHeaders', [])
    else if (phase === 'held') hold.keep('flushHeaders', [])
  },
}

const layer = new Layer(Object.getOwnPropertyDescriptors(HOLDING), (res) => (res as Partial<HeldResponse>)[HOLD]?.below)

function rememberSource(this: unknown, source: Source): void {
  ;(this as HeldResponse)[HOLD].sources.push(source)
}

/** The callback of a `write` or an `end` that did not happen. */
function callBack(args: readonly unknown[], error: unknown): void {
  const callback = args.find((arg) => typeof arg === 'function')
  if (callback) process.nextTick(callback, error)
}

const destroyedError = () =>
  nodeError(Error, 'ERR_STREAM_DESTROYED', 'The client went away before the session was stored')
const afterEndError = () => nodeError(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end')
