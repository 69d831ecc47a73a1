import { type SessionRecord, StoreUnavailableError, type WriteCondition } from '@holdfast/core'
import type { PeerReply, PeerRequest } from '../../packages/peer/src/messages.js'
import type { PeerHandler, PeerTransport } from '../../packages/peer/src/transport.js'
import type { Process, VirtualTime } from './virtual-time.js'

interface Station {
  readonly process: Process
  readonly handler: PeerHandler
}

/** Links between nodes in virtual time: ordered, slow at times, cut where the test says so. */
export class SimulatedNetwork {
  readonly #time: VirtualTime
  readonly #random: () => number
  readonly #stations = new Map<string, Station>()
  readonly #lastArrival = new Map<string, number>()
  readonly #cuts = new Set<string>()
  readonly slow = new Set<string>()
  messages = 0

  constructor(time: VirtualTime, random: () => number) {
    this.#time = time
    this.#random = random
  }

  /** Swallows what `from` sends to `to`. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from} ${to}`)
  }

  heal(): void {
    this.#cuts.clear()
  }

  transportOf(name: string, process: Process): PeerTransport {
    return {
      start: async (handler) => void this.#stations.set(name, { process, handler }),
      call: (peer, request) => this.#call(name, process, peer, request),
      close: async () => undefined,
    }
  }

  #call<Request extends PeerRequest>(
    from: string,
    process: Process,
    to: string,
    request: Request,
  ): Promise<PeerReply<Request>> {
    return new Promise((resolve, reject) => {
      const refuse = (refused: boolean): void =>
        reject(new StoreUnavailableError(`${to}: there is no connection.`, { refused }))
      const station = this.#stations.get(to)
      if (!station?.process.isAlive) {
        this.#time.at(this.#time.now + 1, process, () => refuse(true))
        return
      }
      this.#deliver(from, to, process, station.process, () => {
        const answer = station.handler(from, asSent(request))
        answer.then(
          (reply) =>
            this.#deliver(to, from, station.process, process, () => resolve(asSent(reply) as PeerReply<Request>)),
          (error: Error) => this.#deliver(to, from, station.process, process, () => reject(error)),
        )
      })
    })
  }

  /** Lost where the link is cut at either time, or one of both has died; in the order of sending. */
  #deliver(from: string, to: string, sender: Process, receiver: Process, run: () => void): void {
    const link = `${from} ${to}`
    if (this.#cuts.has(link) || !sender.isAlive) return
    this.messages++
    const arrival = Math.max(this.#time.now + this.#delay(from, to), (this.#lastArrival.get(link) ?? 0) + 0.001)
    this.#lastArrival.set(link, arrival)
    this.#time.at(arrival, receiver, () => {
      const isLost = this.#cuts.has(link) || !sender.isAlive
      if (!isLost || this.#random() < 0.5) run()
    })
  }

  #delay(from: string, to: string): number {
    const slow = this.slow.has(from) || this.slow.has(to) ? 100 + this.#random() * 900 : 0
    return 0.1 + this.#random() * (this.#random() < 0.1 ? 20 : 2) + slow
  }
}

/** Records go without what a store has noted on them. Messages are never changed, so the rest may be shared. */
function asSent<Message extends object>(message: Message): Message {
  const sent = { ...message } as Record<string, unknown>
  for (const name of ['record', 'current']) if (sent[name] !== undefined) sent[name] = bare(sent[name] as SessionRecord)
  const condition = sent['condition'] as WriteCondition | undefined
  if (typeof condition === 'object') sent['condition'] = { replaces: bare(condition.replaces) }
  const records = sent['records'] as readonly (readonly [string, SessionRecord])[] | undefined
  if (records) sent['records'] = records.map(([key, record]) => [key, bare(record)])
  return sent as Message
}

const bare = ({ data, revision, tag, expiresAt }: SessionRecord): SessionRecord => ({ data, revision, tag, expiresAt })
