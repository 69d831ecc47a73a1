import type { Socket } from 'node:net'
import { HANDSHAKE_MS, HANDSHAKES, HANDSHAKES_PER_SECOND } from './limits.js'

interface Handshake {
  readonly address: string
  readonly socket: Socket
  readonly timer: NodeJS.Timeout
}

/**
 * Bounds what connections cost of which it is not known yet whose they are: how many there are at once, how many begin in
 * a second, of one address and of all, and how long each may take.
 */
export class HandshakeGate {
  readonly #onRefused: () => void
  /** By address and port of the other side: the socket inside TLS has the same. */
  readonly #open = new Map<string, Handshake>()
  #second = 0
  #begunInAll = 0
  readonly #begunBy = new Map<string, number>()

  /** `onRefused`: a connection was not let in, or ended before it was known. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused
  }

  /** False: the connection was ended. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress
    if (address === undefined || !this.#mayBegin(address)) {
      socket.destroy()
      this.#onRefused()
      return false
    }
    const from = otherEnd(socket)
    const handshake = { address, socket, timer: setTimeout(() => socket.destroy(), HANDSHAKE_MS).unref() }
    this.#open.set(from, handshake)
    socket.once('close', () => {
      if (this.#open.get(from) !== handshake) return
      this.#remove(from, handshake)
      this.#onRefused()
    })
    return true
  }

  /** It is known whose the connection is. */
  passed(socket: Socket): void {
    const from = otherEnd(socket)
    const handshake = this.#open.get(from)
    if (handshake) this.#remove(from, handshake)
  }

  /** Ends those that are under way. */
  close(): void {
    for (const [from, handshake] of this.#open) {
      this.#remove(from, handshake)
      handshake.socket.destroy()
    }
  }

  #remove(from: string, { timer }: Handshake): void {
    clearTimeout(timer)
    this.#open.delete(from)
  }

  #mayBegin(address: string): boolean {
    const second = Math.floor(performance.now() / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#begunInAll = 0
      this.#begunBy.clear()
    }
    if (this.#begunInAll >= HANDSHAKES_PER_SECOND.ofAll || this.#open.size >= HANDSHAKES.ofAll) return false
    const begun = this.#begunBy.get(address) ?? 0
    const open = [...this.#open.values()].filter((handshake) => handshake.address === address).length
    if (begun >= HANDSHAKES_PER_SECOND.ofAddress || open >= HANDSHAKES.ofAddress) return false
    this.#begunInAll += 1
    this.#begunBy.set(address, begun + 1)
    return true
  }
}

const otherEnd = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`
