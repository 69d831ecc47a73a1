import { warnOnce } from '@holdfast/core'
import type { RedisConnection } from './client.js'
import { Link } from './link.js'
import { isReply, withoutCommand } from './reply-errors.js'
import { handshakeMsOf, type ServerOptions } from './server.js'
import { sideConnection } from './side-connection.js'

const CHANNEL = '__redis__:invalidate'

/**
 * Reports the changed keys of one master, on a connection of its own. Reports `undefined` whenever the connection breaks,
 * as changes are missed from then on, and when it is there again.
 */
export class ChangeSubscription {
  readonly #connection: RedisConnection
  readonly #closeConnection: () => void
  readonly #link: Link
  readonly #prefix: string
  readonly #report: (key: string | undefined) => void
  readonly #broken = (): void => this.#break()
  readonly #message = (_channel: unknown, keys: unknown): void => this.#changed(keys as readonly Buffer[] | null)
  #isPinged = false
  #isOn = false

  constructor(
    connection: RedisConnection,
    { name, deadlineMs }: ServerOptions,
    prefix: string,
    report: (key: string | undefined) => void,
  ) {
    this.#prefix = prefix
    this.#report = report
    const side = sideConnection(connection, { autoResubscribe: false })
    this.#connection = side.connection
    this.#closeConnection = side.close
    this.#connection.on('messageBuffer', this.#message)
    this.#connection.on('close', this.#broken)
    const handshakeMs = handshakeMsOf(deadlineMs)
    this.#link = new Link(this.#connection, { name, handshakeMs, onReady: () => void this.#subscribe() })
    this.#connection.connect().catch(() => {})
  }

  /** Asks for a sign of life; called at regular intervals. A connection that gave none since the last time is dropped. */
  beat(): void {
    if (!this.#link.isReady) return
    if (this.#isPinged) {
      this.#break()
      this.#link.drop(0)
      return
    }
    this.#isPinged = true
    const answered = (): void => {
      this.#isPinged = false
    }
    this.#connection.call('ping').then(answered, answered)
  }

  close(): void {
    this.#connection.off('messageBuffer', this.#message)
    this.#connection.off('close', this.#broken)
    this.#link.release()
    this.#closeConnection()
  }

  /** In RESP2, which every version of ioredis speaks, the messages go to a subscriber: this connection itself. */
  async #subscribe(): Promise<void> {
    try {
      const id = String(await this.#connection.call('client', 'ID'))
      await this.#connection.call('client', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', this.#prefix)
      await this.#connection.call('subscribe', CHANNEL)
      this.#isOn = true
      this.#report(undefined)
    } catch (error) {
      // What broke meanwhile is made anew.
      if (!isReply(error)) return
      warnOnce(
        'HOLDFAST_REDIS_TRACKING',
        `@holdfast/redis: changes of other processes cannot be followed, so a near cache is as old as maxStaleMs allows: ${withoutCommand(error).message} It takes Redis 6 or later, and +client|id +client|tracking +subscribe &${CHANNEL}.`,
      )
    }
  }

  #changed(keys: readonly Buffer[] | null): void {
    // After FLUSHALL there is no list.
    if (!Array.isArray(keys)) return this.#report(undefined)
    for (const key of keys as readonly Buffer[]) this.#report(String(key).slice(this.#prefix.length))
  }

  #break(): void {
    this.#isPinged = false
    if (this.#isOn) this.#report(undefined)
    this.#isOn = false
  }
}
