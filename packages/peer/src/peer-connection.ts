import { StoreUnavailableError } from '@holdfast/core'
import type { Counts } from './counts.js'
import { failureFrame, parseFailure, parseTooLarge } from './failures.js'
import { BadMessageError, readFields, type Fields } from './fields.js'
import type { FrameChannel } from './frame-channel.js'
import { MOST_WAITING_BYTES, REQUESTS, WAITING_BYTES } from './limits.js'
import type { PeerReply, PeerRequest } from './messages.js'
import type { PeerHandler } from './transport.js'
import { KIND, parseReply, parseRequest, replyFrame, requestFrame } from './wire.js'

interface Waiting {
  readonly op: PeerRequest['op']
  resolve(reply: PeerReply<PeerRequest>): void
  reject(error: Error): void
}

/** Requests and replies, both ways, over the channel to a peer that is known. */
export class PeerConnection {
  readonly #peer: string
  readonly #channel: FrameChannel
  readonly #handler: PeerHandler
  readonly #counts: Counts
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  /** Requests of the peer that are being answered. */
  #open = 0

  constructor(peer: string, channel: FrameChannel, handler: PeerHandler, counts: Counts) {
    this.#peer = peer
    this.#channel = channel
    this.#handler = handler
    this.#counts = counts
    channel.allowLargeFrames()
    channel.onFrame = (frame) => this.#receive(frame)
  }

  async call<Request extends PeerRequest>(request: Request): Promise<PeerReply<Request>> {
    if (this.#waiting.size >= REQUESTS)
      throw this.#unavailable(`${REQUESTS} calls wait for its answers`, { refused: true })
    if (this.#channel.waitingBytes > WAITING_BYTES)
      throw this.#unavailable('too much waits to be sent', { refused: true })
    if (!this.#channel.isOpen) throw this.#unavailable('its connection is ending', { refused: true })
    const id = (this.#lastId += 1)
    const frame = requestFrame(id, request)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { op: request.op, resolve: resolve as Waiting['resolve'], reject })
      this.#counts.requestsOut += 1
      this.#channel.send(frame, this.#waiting.size > 1)
    })
  }

  /** To be called every so often: a peer that owes an answer and sends nothing for several looks is given up. */
  look(): void {
    this.#channel.look(this.#waiting.size > 0)
  }

  /** Ends it at once. */
  destroy(reason: Error): void {
    this.#channel.destroy(reason)
  }

  /** The connection has ended: no answer comes any more. */
  fail(reason: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    const error = this.#unavailable(`the connection was lost before the answer: ${reason.message}`, { cause: reason })
    for (const { reject } of waiting) reject(error)
  }

  #receive(frame: Buffer): void {
    const act = readFields(frame, (fields) => this.#read(fields.whole('id'), fields.whole('kind'), fields))
    act()
  }

  /** What is to be done when the frame has been read. */
  #read(id: number, kind: number, fields: Fields): () => void {
    try {
      return kind === KIND.request ? this.#readRequest(id, fields) : this.#readAnswer(id, kind, fields)
    } catch (error) {
      if (!(error instanceof BadMessageError)) throw error
      return () => this.#drop(id, kind, error)
    }
  }

  #readRequest(id: number, fields: Fields): () => void {
    const request = parseRequest(fields)
    return () => void this.#answer(id, request)
  }

  #readAnswer(id: number, kind: number, fields: Fields): () => void {
    const waiting = this.#waiting.get(id)
    if (!waiting) return () => (this.#counts.lateReplies += 1)
    const answer = answerOf(this.#peer, waiting.op, kind, fields)
    return () => {
      this.#waiting.delete(id)
      if (answer instanceof Error) waiting.reject(answer)
      else waiting.resolve(answer)
    }
  }

  #drop(id: number, kind: number, { message }: BadMessageError): void {
    this.#counts.droppedFrames += 1
    if (kind === KIND.request) {
      this.#send(failureFrame(id, new StoreUnavailableError(`it dropped the request: ${message}`, { refused: true })))
    } else {
      this.#waiting.get(id)?.reject(this.#unavailable(`its answer was dropped: ${message}`))
      this.#waiting.delete(id)
    }
  }

  async #answer(id: number, request: PeerRequest): Promise<void> {
    if (this.#open >= REQUESTS) return this.#flooded(`it asks for more than ${REQUESTS} answers at once`)
    this.#open += 1
    this.#counts.requestsIn += 1
    try {
      this.#assertIsRead({ refused: true })
      const reply = await this.#handler(this.#peer, request)
      this.#assertIsRead()
      this.#send(replyFrame(id, request.op, reply))
    } catch (error) {
      this.#send(failureFrame(id, error))
    }
    this.#open -= 1
  }

  /** A peer that does not read its answers gets only this sentence for a while, and is then cut off. */
  #assertIsRead(details?: { readonly refused: boolean }): void {
    if (this.#channel.waitingBytes > WAITING_BYTES)
      throw new StoreUnavailableError('too much waits to be sent.', details)
  }

  #send(frame: Buffer): void {
    if (this.#channel.waitingBytes > MOST_WAITING_BYTES) this.#flooded('it does not read its answers')
    else this.#channel.send(frame, this.#open > 1)
  }

  #flooded(reason: string): void {
    if (!this.#channel.isOpen) return
    this.#counts.floods += 1
    this.#channel.destroy(new Error(reason))
  }

  #unavailable(
    why: string,
    details: { readonly cause?: unknown; readonly refused?: boolean } = {},
  ): StoreUnavailableError {
    return new StoreUnavailableError(`peer ${this.#peer}: ${why}.`, details)
  }
}

function answerOf(peer: string, op: PeerRequest['op'], kind: number, fields: Fields): PeerReply<PeerRequest> | Error {
  if (kind === KIND.reply) return parseReply(op, fields)
  if (kind === KIND.failure) return parseFailure(peer, fields)
  if (kind === KIND.tooLarge) return parseTooLarge(fields)
  throw new BadMessageError(`it is of kind ${kind}, which this node does not know`)
}
