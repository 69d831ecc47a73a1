import type { TLSSocket } from 'node:tls'
import type { GatheredWrites } from '@holdfast/core'
import type { Counts } from './counts.js'
import { BadMessageError } from './fields.js'
import { BrokenFrameError, FrameReader } from './frames.js'
import { FRAME_BYTES, HELLO_BYTES } from './limits.js'

/** How long what was written may take to leave when the channel is closed. */
const LEAVING_MS = 200
const SILENT_LOOKS = 8

/**
 * Frames over one connection. What is not a valid frame ends it, and is counted. `onFrame` gets the frames of the other
 * side in their order; setting another one takes effect with the next frame.
 */
export class FrameChannel {
  onFrame: (frame: Buffer) => void = () => {}
  readonly #socket: TLSSocket
  readonly #counts: Counts
  readonly #writes: GatheredWrites
  readonly #reader = new FrameReader(HELLO_BYTES)
  #silentLooks = 0

  /** `onClose` is called once, whichever side ended it. */
  constructor(socket: TLSSocket, counts: Counts, writes: GatheredWrites, onClose: (reason: Error | undefined) => void) {
    this.#socket = socket
    this.#counts = counts
    this.#writes = writes
    let reason: Error | undefined
    socket.setNoDelay(true).unref()
    socket.on('data', (piece: Buffer) => this.#take(piece))
    socket.on('error', (error: Error) => {
      reason ??= error
      // Node 20 leaves a connection open on which TLS has failed.
      socket.destroy()
    })
    socket.once('close', () => onClose(reason))
  }

  /** From now on frames may have their full size. */
  allowLargeFrames(): void {
    this.#reader.maxBytes = FRAME_BYTES
  }

  get isOpen(): boolean {
    return this.#socket.writable
  }

  /** What was sent and has not left this process. */
  get waitingBytes(): number {
    return this.#socket.writableLength
  }

  /** `more`: others are likely to be sent in this turn of the event loop, and may leave with it. */
  send(frame: Buffer, more: boolean): void {
    if (!this.#socket.writable) return
    if (more) this.#writes.gather(this.#socket)
    this.#socket.write(frame)
    this.#counts.bytesOut += frame.length
  }

  /**
   * Looks, every so often, whether anything has come since the last time; ends the channel when nothing has for eight looks
   * at which something was owed. Looks are counted, no clock is read: a process that stood still first finds what has come.
   */
  look(isOwed: boolean): void {
    this.#silentLooks = isOwed ? this.#silentLooks + 1 : 0
    if (this.#silentLooks > SILENT_LOOKS) this.#socket.destroy(new Error('nothing came from the peer any more'))
  }

  /** Ends it at once. */
  destroy(reason?: Error): void {
    this.#socket.destroy(reason)
  }

  /** Takes no more frames, and ends it when what was written has left, or after 200 ms. */
  end(): void {
    this.onFrame = () => {}
    const timer = setTimeout(() => this.#socket.destroy(), LEAVING_MS)
    this.#socket.once('close', () => clearTimeout(timer))
    this.#socket.destroySoon()
  }

  #take(piece: Buffer): void {
    this.#counts.bytesIn += piece.length
    this.#silentLooks = 0
    try {
      for (const frame of this.#reader.read(piece)) {
        if (this.#socket.destroyed) return
        this.onFrame(frame)
      }
    } catch (error) {
      if (!(error instanceof BrokenFrameError || error instanceof BadMessageError)) throw error
      this.#counts.droppedFrames += 1
      this.#socket.destroy(error)
    }
  }
}
