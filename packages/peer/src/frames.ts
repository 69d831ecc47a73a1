const LENGTH_BYTES = 4
const NOTHING = Buffer.alloc(0)

/** What came is not what a node sends: the connection cannot be trusted any further. */
export class BrokenFrameError extends Error {}

/**
 * Cuts a stream into frames: four bytes of length, then so many bytes. What of a frame has come is kept in at most twice as
 * many bytes, however small its pieces are.
 */
export class FrameReader {
  /** A longer frame is refused when its length has come. */
  maxBytes: number
  #kept: Buffer = NOTHING
  /** So many bytes of `#kept` are in use: the beginning of a frame, its length among them. */
  #bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The frames that are whole now, valid as long as `piece` is. Throws `BrokenFrameError` at a length that is refused. */
  *read(piece: Buffer): Generator<Buffer, void, undefined> {
    for (let at = 0; at < piece.length;) {
      const end = this.#bytes > 0 ? undefined : this.#endOf(piece, at)
      if (end !== undefined && end <= piece.length) {
        yield piece.subarray(at + LENGTH_BYTES, end)
        at = end
      } else {
        at += this.#keep(piece, at)
        const frame = this.#whole()
        if (frame) yield frame
      }
    }
  }

  /** Takes over what the frame that is kept lacks, first of its length; gives how much it took. */
  #keep(piece: Buffer, at: number): number {
    const taken = Math.min(piece.length - at, (this.#endOfKept() ?? LENGTH_BYTES) - this.#bytes)
    const bytes = this.#bytes + taken
    if (bytes > this.#kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * this.#kept.length))
      this.#kept.copy(larger, 0, 0, this.#bytes)
      this.#kept = larger
    }
    piece.copy(this.#kept, this.#bytes, at, at + taken)
    this.#bytes = bytes
    return taken
  }

  #whole(): Buffer | undefined {
    if (this.#endOfKept() !== this.#bytes) return undefined
    const frame = this.#kept.subarray(LENGTH_BYTES, this.#bytes)
    this.#kept = NOTHING
    this.#bytes = 0
    return frame
  }

  #endOfKept(): number | undefined {
    return this.#endOf(this.#kept.subarray(0, this.#bytes), 0)
  }

  /** Where the frame ends that begins at `at`, if its length is there. */
  #endOf(bytes: Buffer, at: number): number | undefined {
    if (bytes.length - at < LENGTH_BYTES) return undefined
    const length = bytes.readUInt32BE(at)
    if (length > 0 && length <= this.maxBytes) return at + LENGTH_BYTES + length
    throw new BrokenFrameError(`a frame says that it has ${length} bytes; it may have 1 to ${this.maxBytes}`)
  }
}

/** `head` bytes of `content` are left out. */
export function toFrame(content: Uint8Array, head: number): Buffer {
  const length = content.length - head
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + length)
  frame.writeUInt32BE(length)
  frame.set(content.subarray(head), LENGTH_BYTES)
  return frame
}
