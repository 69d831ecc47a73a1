import { type SessionRecord, StoreUnavailableError } from '@holdfast/core'
import type { PeerReply, PeerRequest } from '../../packages/peer/src/messages.js'
import { AnsweredFailure, type PeerHandler, type PeerTransport } from '../../packages/peer/src/transport.js'
import type { Process, VirtualTime } from './virtual-time.js'

interface Station {
  readonly process: Process
  readonly handler: PeerHandler
  readonly startedAt: number
  /** The nodes that it looks for; the others have to find it. */
  readonly names: readonly string[] | undefined
}

/** So long a node waits for one that should make the connection, before it makes it itself. */
const PATIENCE_MS = 2_000

/** Links between nodes in virtual time: ordered, slow at times, cut where the test says so. */
export class SimulatedNetwork {
  readonly #time: VirtualTime
  readonly #random: () => number
  readonly #stations = new Map<string, Station>()
  readonly #lastArrival = new Map<string, number>()
  readonly #cuts = new Set<string>()
  readonly slow = new Set<string>()
  /** The part of the messages that take up to 900 ms longer; what is sent on the same link after one waits for it. */
  lateFrames = 0
  /** Each message takes so much longer, more or less. */
  distanceMs = 0
  /** The same for those from and to some nodes. */
  readonly far = new Map<string, number>()
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

  transportOf(name: string, process: Process, names?: readonly string[]): PeerTransport {
    const start = async (handler: PeerHandler): Promise<void> =>
      void this.#stations.set(name, { process, handler, names, startedAt: this.#time.now })
    return {
      start,
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
      if (!station?.process.isAlive || !this.#isFound(from, to, station)) {
        this.#time.at(this.#time.now + 1, process, () => refuse(true))
        return
      }
      this.#deliver(from, to, process, station.process, () => {
        const answer = station.handler(from, asSent(request))
        answer.then(
          (reply) =>
            this.#deliver(to, from, station.process, process, () => resolve(asSent(reply) as PeerReply<Request>)),
          (error: Error) =>
            this.#deliver(to, from, station.process, process, () => reject(new AnsweredFailure(error.message))),
        )
      })
    })
  }

  /** A node that does not know the other one makes no connection to it, also where it is its turn. */
  #isFound(from: string, to: string, { names, startedAt }: Station): boolean {
    const dials = names === undefined || names.includes(from) || from < to
    return dials || this.#time.now > startedAt + PATIENCE_MS
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
    const late = this.lateFrames > 0 && this.#random() < this.lateFrames ? this.#random() * 900 : 0
    const distance = Math.max(this.distanceMs, this.far.get(from) ?? 0, this.far.get(to) ?? 0)
    return 0.1 + this.#random() * (this.#random() < 0.1 ? 20 : 2) + slow + late + distance * (0.5 + this.#random())
  }
}

/** Records go without what a store has noted on them. Messages are never changed, so the rest may be shared. */
function asSent<Message extends object>(message: Message): Message {
  const sent = { ...message } as Record<string, unknown>
  for (const name of ['record', 'current']) if (sent[name] !== undefined) sent[name] = bare(sent[name] as SessionRecord)
  const records = sent['records'] as readonly (readonly [string, SessionRecord])[] | undefined
  if (records) sent['records'] = records.map(([key, record]) => [key, bare(record)])
  return sent as Message
}

const bare = ({ data, revision, tag, expiresAt }: SessionRecord): SessionRecord => ({ data, revision, tag, expiresAt })
