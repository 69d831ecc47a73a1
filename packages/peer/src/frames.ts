const LENGTH_BYTES = 4

/** What came is not what a node sends: the connection cannot be trusted any further. */
export class BrokenFrameError extends Error {}

/** Cuts a stream into frames: four bytes of length, then so many bytes. */
export class FrameReader {
  /** A longer frame is refused before more of it is kept. */
  maxBytes: number
  #pieces: Buffer[] = []
  #bytes = 0
  /** So many bytes are needed before there is more to say. */
  #needed = LENGTH_BYTES

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** The frames that are whole now, valid as long as `piece` is. Throws `BrokenFrameError` at a length that is refused. */
  *read(piece: Buffer): Generator<Buffer, void, undefined> {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes < this.#needed) return
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces)
    let at = 0
    for (;;) {
      this.#needed = LENGTH_BYTES
      if (bytes.length - at < this.#needed) break
      this.#needed += this.#lengthOf(bytes, at)
      if (bytes.length - at < this.#needed) break
      yield bytes.subarray(at + LENGTH_BYTES, at + this.#needed)
      at += this.#needed
    }
    this.#bytes = bytes.length - at
    this.#pieces = this.#bytes > 0 ? [bytes.subarray(at)] : []
  }

  #lengthOf(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at)
    if (length > 0 && length <= this.maxBytes) return length
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
