import { GatheredWrites } from '@holdfast/core'
import { calm } from './calm.js'
import type { Callback, Issue, Library, LibrarySocket } from './library.js'
import { ServerRefusal, type Item, type ItemVersion, type MemcachedPort, type Stats } from './memcached-port.js'
import { splitWholeItems } from './whole-items.js'

export interface LibraryPortOptions {
  readonly library: Library
  /** `host:port` */
  readonly server: string
  /** What the keys of this port begin with. */
  readonly prefix: string
  /** A connection on which a call has waited so long when one times out is given up. */
  readonly silentMs: number
  /** False for a client that is the app's too: its connections stay when this port is closed. */
  readonly isOwn: boolean
}

interface Waiting {
  readonly sentAt: number
  readonly fail: (error: Error) => void
}

/**
 * The port on `memcached` 2.2.2, whose callbacks may come twice or never: not at all for what was on its way when the
 * connection closed. Each answer is taken once, each call fails with its connection. All calls wait for one first
 * connection: the library would refuse the fifth of several at once, and then all of them for a while.
 */
export class LibraryPort implements MemcachedPort {
  readonly #options: LibraryPortOptions
  readonly #library: Library
  readonly #parse: Library['rawDataReceived']
  /** In the order in which they were sent. */
  readonly #waiting = new Map<Callback, Waiting>()
  readonly #open = new Set<LibrarySocket>()
  readonly #writes = new GatheredWrites()
  /** Another object after each connection that closed. */
  #connection: object = {}
  #connecting: Promise<void> | undefined
  #refusal: string | undefined
  #isClosed = false

  constructor(options: LibraryPortOptions) {
    this.#options = options
    this.#library = options.library
    this.#library.on('issue', this.#noteIssue)
    this.#parse = this.#library.rawDataReceived
    this.#library.rawDataReceived = this.#receive
  }

  gets(key: string): Promise<Item | undefined> {
    const answeredKey = this.#library.namespace + key
    return this.#call(
      (callback) => this.#library.gets(key, callback),
      (answer) => this.#itemOf(answer, answeredKey),
    )
  }

  add(key: string, text: string, ttlSeconds: number): Promise<boolean> {
    return this.#call((callback) => this.#library.add(key, text, ttlSeconds, callback), this.#isStored)
  }

  async cas(key: string, text: string, { connection, casId }: ItemVersion, ttlSeconds: number): Promise<boolean> {
    if (connection !== this.#connection) return false
    return this.#call((callback) => this.#library.cas(key, text, casId, ttlSeconds, callback), this.#isStored)
  }

  stats(): Promise<Stats> {
    return this.#call((callback) => this.#library.stats(callback), firstOf)
  }

  settings(): Promise<Stats> {
    return this.#call((callback) => this.#library.settings(callback), firstOf)
  }

  noticeTimeout(): void {
    const [oldest] = this.#waiting.values()
    if (oldest && performance.now() - oldest.sentAt >= this.#options.silentMs)
      this.#giveUp(new Error('the connection was given up, as a call had no answer'))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#library.removeListener('issue', this.#noteIssue)
    for (const socket of this.#open) socket.removeListener('close', this.#noteClose)
    const closed = new Error('the store was closed')
    if (this.#options.isOwn) this.#giveUp(closed)
    else this.#failAll(closed)
    // Another store on the same client may have put its own over ours.
    if (this.#library.rawDataReceived === this.#receive) this.#library.rawDataReceived = this.#parse
  }

  #call<T>(send: (callback: Callback) => void, read: (answer: unknown) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Error('the store was closed'))
      const callback: Callback = (error, answer) => {
        if (!this.#waiting.delete(callback)) return
        try {
          resolve(read(this.#answerOf(error, answer)))
        } catch (failure) {
          reject(failure as Error)
        }
      }
      this.#waiting.set(callback, { sentAt: performance.now(), fail: reject })
      if (this.#isConnected()) return send(callback)
      this.#connect().then(() => {
        if (this.#waiting.has(callback)) send(callback)
      }, callback)
    })
  }

  /** `NOT_STORED` is an error to the library; `SERVER_ERROR` is an issue and then the answer false. */
  #answerOf(error: unknown, answer: unknown): unknown {
    const refusal = this.#refusal
    this.#refusal = undefined
    if (Array.isArray(error)) throw new ServerRefusal(error.map(String).join(', '))
    if (error) {
      if ((error as { notStored?: boolean }).notStored) return false
      throw asError(error)
    }
    if (answer === false && refusal !== undefined) throw new ServerRefusal(`SERVER_ERROR ${refusal}`)
    return answer
  }

  readonly #isStored = (answer: unknown): boolean => {
    if (typeof answer === 'boolean') return answer
    throw this.#outOfStep()
  }

  #itemOf(answer: unknown, key: string): Item | undefined {
    if (answer === undefined) return undefined
    const item = answer as Readonly<Record<string, unknown>>
    const [text, casId] = [item[key], item['cas']]
    if (typeof text !== 'string' || typeof casId !== 'string') throw this.#outOfStep()
    return { text, version: { connection: this.#connection, casId } }
  }

  /** An answer to something else: no later one on this connection can be trusted. */
  #outOfStep(): Error {
    const error = new Error('the answer does not fit the question')
    this.#giveUp(error)
    return error
  }

  #isConnected(): boolean {
    let isOpen = false
    for (const socket of this.#library.connections[this.#options.server]?.pool ?? []) {
      this.#watch(socket)
      if (socket.readyState !== 'open') continue
      isOpen = true
      // One call at a time would only wait.
      if (this.#waiting.size > 1) this.#writes.gather(socket)
    }
    return isOpen
  }

  #connect(): Promise<void> {
    if (this.#connecting) return this.#connecting
    const connecting = this.#openConnection()
    const forget = (): void => {
      if (this.#connecting === connecting) this.#connecting = undefined
    }
    connecting.then(forget, forget)
    return (this.#connecting = connecting)
  }

  #openConnection(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#library.connect(this.#options.server, (error, socket) => {
        const isUnwanted = this.#isClosed && this.#options.isOwn
        if (socket && !error && !isUnwanted) {
          this.#watch(socket)
          return resolve()
        }
        // One that timed out would go on trying.
        if (socket) socket.destroy()
        reject(asError(error))
      })
    })
  }

  #watch(socket: LibrarySocket): void {
    if (this.#open.has(socket)) return
    this.#open.add(socket)
    socket.once('close', this.#noteClose)
  }

  #giveUp(error: Error): void {
    this.#connection = {}
    this.#connecting = undefined
    this.#failAll(error)
    this.#library.connections[this.#options.server]?.free(0, true)
  }

  #failAll(error: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { fail } of waiting) fail(error)
  }

  readonly #noteClose = (): void => {
    this.#connection = {}
    for (const socket of this.#open) {
      if (!socket.destroyed) continue
      this.#open.delete(socket)
      for (const { callback } of socket.metaData) {
        if (callback && this.#waiting.has(callback)) callback(new Error('the connection was closed'))
      }
    }
  }

  readonly #noteIssue = ({ server, messages }: Issue): void => {
    const log = this.#library.issues[server]
    if (log) calm(log)
    this.#refusal = String(messages.at(-1))
    queueMicrotask(() => (this.#refusal = undefined))
  }

  /** What the parser throws at bytes that make no sense ends the connection of a client of ours, not the process. */
  readonly #receive = (socket: LibrarySocket): void => {
    const prefix = this.#library.namespace + this.#options.prefix
    const { ready, rest } = splitWholeItems(socket.bufferArray, (key) => key.startsWith(prefix))
    socket.bufferArray = ready
    try {
      this.#parse.call(this.#library, socket)
    } catch (error) {
      if (!this.#options.isOwn) throw error
      socket.destroy()
    }
    socket.bufferArray.push(...rest)
  }
}

/** The library answers for a list of servers, here of one. */
const firstOf = (answer: unknown): Stats => (answer as readonly (Stats | undefined)[])[0] ?? {}

/** The library also gives strings. */
const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(typeof error === 'string' ? error : 'the library gave no reason')
