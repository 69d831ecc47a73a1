import type { Socket } from 'node:net'

export type Direction = 'toServer' | 'toClient'

export type Fault =
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'drop' }
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'corrupt'; readonly byte: number }

/** How much waits in a delayed pipe before it takes no more. */
const MAX_WAITING_BYTES = 1024 * 1024

/** One direction of one connection. `reset` breaks the whole connection. */
export class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #reset: () => void
  readonly #waiting: { readonly piece: Buffer | 'end'; readonly timer: NodeJS.Timeout }[] = []
  #waitingBytes = 0
  #delayMs = 0
  #dropping = false
  #hasGap = false
  /** How many more bytes pass before the connection is cut, and before a byte is corrupted. */
  #untilCut = Infinity
  #untilCorrupt = Infinity

  constructor(from: Socket, to: Socket, reset: () => void) {
    this.#from = from
    this.#to = to
    this.#reset = reset
    from.on('data', (piece: Buffer) => this.#take(piece))
    from.on('end', () => this.#take('end'))
    to.on('drain', () => this.#resume())
  }

  get isOver(): boolean {
    return this.#from.closed
  }

  get isDropping(): boolean {
    return this.#dropping
  }

  strike(fault: Fault): void {
    if (fault.kind === 'delay') this.#delayMs += fault.ms
    else if (fault.kind === 'drop') this.#dropping = true
    else if (fault.kind === 'cut') this.#untilCut = Math.min(this.#untilCut, fault.bytes)
    else this.#untilCorrupt = Math.min(this.#untilCorrupt, fault.byte)
    if (this.#untilCut <= 0) this.#reset()
  }

  heal(): void {
    this.#delayMs = 0
    this.#dropping = false
    this.#untilCut = Infinity
    this.#untilCorrupt = Infinity
    for (const { piece, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      this.#forward(piece)
    }
    this.#waitingBytes = 0
    if (this.#hasGap || this.#from.closed) this.#reset()
    else this.#resume()
  }

  end(): void {
    this.#to.end()
  }

  #take(piece: Buffer | 'end'): void {
    if (this.#dropping) this.#hasGap = true
    else if (this.#delayMs > 0 || this.#waiting.length > 0) this.#wait(piece)
    else this.#forward(piece)
  }

  #wait(piece: Buffer | 'end'): void {
    const timer = setTimeout(() => this.#arrived(), this.#delayMs)
    this.#waiting.push({ piece, timer })
    this.#waitingBytes += piece.length
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#from.pause()
  }

  #arrived(): void {
    const first = this.#waiting.shift()
    if (!first) return
    this.#waitingBytes -= first.piece.length
    if (this.#dropping) this.#hasGap = true
    else this.#forward(first.piece)
    this.#resume()
  }

  #forward(piece: Buffer | 'end'): void {
    if (this.#to.writableEnded) return
    if (piece === 'end') return void this.#to.end()
    const isCut = piece.length >= this.#untilCut
    const passing = this.#corrupted(isCut ? piece.subarray(0, this.#untilCut) : piece)
    this.#untilCut -= piece.length
    if (isCut) this.#to.write(passing, () => this.#reset())
    else if (!this.#to.write(passing)) this.#from.pause()
  }

  #corrupted(piece: Buffer): Buffer {
    const at = this.#untilCorrupt - 1
    this.#untilCorrupt -= piece.length
    if (at >= piece.length) return piece
    this.#untilCorrupt = Infinity
    const changed = Buffer.from(piece)
    changed[at] = ~(changed[at] as number)
    return changed
  }

  #resume(): void {
    if (this.#waitingBytes <= MAX_WAITING_BYTES && !this.#to.writableNeedDrain) this.#from.resume()
  }
}
