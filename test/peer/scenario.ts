import { subscribe } from 'node:diagnostics_channel'
import { isSessionConflict, isSessionGone, isStoreUnavailable, type StoreEvent } from '@holdfast/core'
import { requestWith } from '../races/request-with.js'
import { type Data, type SimulatedNode, startNode } from './nodes.js'
import { randomFrom, withRandom } from './seeded.js'
import { SimulatedNetwork } from './simulated-network.js'
import { currentCause, VirtualTime } from './virtual-time.js'

/** One kind of fault, done to nodes under load; at its end all are whole again. */
export interface Scenario {
  readonly nodes?: number
  /** Requests go to any node, not only to those that say they are ready. */
  readonly anyNode?: boolean
  /** Both sides of a cut serve their own: what they show may be old until they meet again. */
  readonly isPartition?: boolean
  run(world: World): Promise<void>
}

/** What the app itself said of one request. */
interface Said {
  /** Fewer nodes than copies took its write. */
  isDegraded: boolean
  /** Too few nodes answered its read. */
  isBlind: boolean
}

subscribe('holdfast:store', (message) => {
  const event = message as StoreEvent
  const request = currentCause() as Said | undefined
  if (!request || event.type !== 'degraded') return
  if (event.operation === 'read') request.isBlind = true
  else request.isDegraded = true
})

interface Login {
  readonly cookie: string
  readonly acknowledged: Map<string, number>
  isEnding: boolean
  endedAt: number | undefined
  /** A write of it was taken by one node only. */
  isDegraded: boolean
  /** Its login was. */
  readonly wasAlone: boolean
}

interface Answer extends Said {
  readonly outcome: 'done' | 'gone' | 'failed'
  readonly seen: Data | undefined
}

const LOGINS = 3
const CLIENTS = 4
const HANDLER_MS = 20
const THINK_MS = 50
const PATIENCE_MS = 3_000
const SETTLE_MS = 2_500

export class World {
  readonly time = new VirtualTime()
  readonly network: SimulatedNetwork
  readonly names: readonly string[]
  readonly nodes = new Map<string, SimulatedNode>()
  readonly broken: string[] = []
  readonly random: () => number
  requests = 0
  readonly #scenario: Scenario
  readonly #logins: Login[] = []
  #isPartition = false
  #logoutsCount = false
  #healedAt = -Infinity
  #isOver = false
  #fields = 0

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario
    this.random = randomFrom(seed)
    this.network = new SimulatedNetwork(this.time, this.random)
    this.names = Array.from({ length: scenario.nodes ?? 3 }, (_, at) => `10.0.0.${at + 1}:7946`)
  }

  async run(): Promise<readonly string[]> {
    await withRandom(this.random, () => this.time.run(() => this.#live()))
    return this.broken
  }

  async #live(): Promise<void> {
    for (const name of this.names) this.start(name)
    await this.untilWhole('start')
    const clients = Array.from({ length: CLIENTS }, () => this.#client())
    await this.time.sleep(400)
    await this.#scenario.run(this)
    await this.untilWhole('the end')
    await this.time.sleep(500)
    this.#isOver = true
    await Promise.all(clients)
    await this.#checkAll()
    for (const { process } of this.nodes.values()) process.isAlive = false
  }

  start(name: string): void {
    this.nodes.set(name, startNode(this.time, this.network, name, this.names))
  }

  node(name: string): SimulatedNode {
    return this.nodes.get(name) as SimulatedNode
  }

  kill(name: string): void {
    this.node(name).process.isAlive = false
  }

  pause(name: string): void {
    this.node(name).process.isPaused = true
  }

  resume(name: string): void {
    this.time.resume(this.node(name).process)
  }

  async drain(name: string): Promise<void> {
    const { process, node } = this.node(name)
    await this.time.within(process, () => node.drain())
  }

  cutBetween(a: string, b: string): void {
    this.network.cut(a, b)
    this.network.cut(b, a)
  }

  isolate(name: string): void {
    for (const other of this.names) if (other !== name) this.cutBetween(name, other)
  }

  /** From now on both sides serve their own; with `logoutsCount` nobody may be logged out all the same. */
  beginPartition({ logoutsCount = false } = {}): void {
    this.#isPartition = true
    this.#logoutsCount = logoutsCount
  }

  heal(): void {
    this.network.heal()
    if (this.#isPartition) this.#healedAt = this.time.now
    this.#isPartition = false
  }

  pick(): string {
    return this.names[Math.floor(this.random() * this.names.length)] as string
  }

  pickOther(name: string): string {
    const others = this.names.filter((other) => other !== name)
    return others[Math.floor(this.random() * others.length)] as string
  }

  upTo(ms: number): Promise<void> {
    return this.time.sleep(this.random() * ms)
  }

  async untilWhole(when: string): Promise<void> {
    const isWhole = (): boolean =>
      [...this.nodes.values()].every(({ process, node }) => !process.isAlive || node.isSettled)
    await this.until(isWhole, `not whole again: ${when}`)
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    const endsAt = this.time.now + 9_000
    while (!holds()) {
      if (this.time.now > endsAt) return void this.broken.push(`stuck: ${what}`)
      await this.time.sleep(25)
    }
  }

  async #client(): Promise<void> {
    while (!this.#isOver) {
      const live = this.#logins.filter(({ endedAt }) => endedAt === undefined)
      const login = this.random() < 0.97 ? this.#logins[Math.floor(this.random() * this.#logins.length)] : undefined
      if (!login || (login.endedAt !== undefined && live.length < LOGINS)) await this.#logIn(live.length)
      else await this.#visit(login)
      await this.upTo(THINK_MS)
    }
  }

  async #logIn(live: number): Promise<void> {
    if (live >= LOGINS) return
    let cookie = ''
    const { outcome, isDegraded } = await this.#ask(async ({ engine }) => {
      cookie = (await engine.create({ user: 'ada' })).cookie
      return {}
    })
    if (outcome !== 'done') return
    const login = { cookie, acknowledged: new Map<string, number>(), isEnding: false, endedAt: undefined }
    this.#logins.push({ ...login, isDegraded, wasAlone: isDegraded })
  }

  async #visit(login: Login): Promise<void> {
    const { endedAt, isEnding } = login
    const known = [...login.acknowledged.keys()]
    const dice = this.random()
    if (dice < 0.03 && !isEnding) return this.#logOut(login)
    const field = `f${this.#fields++}`
    const isWrite = dice < 0.6
    const request = requestWith(login.cookie)
    const answer = await this.#ask(async ({ engine }, see) => {
      if (!isWrite) return see(await engine.read(request))
      await engine.update(request, async (session) => {
        see(session)
        await this.upTo(HANDLER_MS)
        session[field] = 1
      })
    })
    if (answer.outcome === 'failed') return
    const { seen } = answer
    if (seen) {
      if (endedAt !== undefined) this.#blame('revived', login, answer)
      const missing = known.filter((name) => !(name in seen))
      if (missing.length > 0) this.#blame('stale', login, answer)
    } else if (!login.isEnding) this.#blame('logged out', login, answer)
    if (isWrite && answer.outcome === 'done') {
      login.acknowledged.set(field, this.time.now)
      if (answer.isDegraded) login.isDegraded = true
    }
  }

  async #logOut(login: Login): Promise<void> {
    login.isEnding = true
    const request = requestWith(login.cookie)
    const { outcome, isDegraded } = await this.#ask(({ engine }) =>
      engine.update(request, (session) => session.destroy()),
    )
    if (outcome !== 'done') return
    login.endedAt = this.time.now
    if (isDegraded) login.isDegraded = true
  }

  /** A request at one of the nodes; who waits longer than a browser does has no answer. */
  async #ask(
    handle: (node: SimulatedNode, see: (data: Data | undefined) => void) => Promise<unknown>,
  ): Promise<Answer> {
    const node = this.#pickNode()
    this.requests++
    const request: Said = { isDegraded: false, isBlind: false }
    let seen: Data | undefined
    const see = (data: Data | undefined): void => void (seen = data && { ...data })
    if (!node.process.isAlive) return { outcome: 'failed', seen, ...request }
    const served = this.time.within(node.process, () => outcomeOf(() => handle(node, see)), request)
    const outcome = await Promise.race([served, this.time.sleep(PATIENCE_MS).then(() => 'failed' as const)])
    return { outcome, seen, ...request }
  }

  #pickNode(): SimulatedNode {
    const nodes = [...this.nodes.values()]
    const ready = this.#scenario.anyNode ? nodes : nodes.filter(isReady)
    const among = ready.length > 0 ? ready : nodes
    return among[Math.floor(this.random() * among.length)] as SimulatedNode
  }

  #blame(what: 'revived' | 'stale' | 'logged out', login: Login, { isBlind }: Said): void {
    if (isBlind && what !== 'logged out') return
    const isExcused = what !== 'logged out' || !this.#logoutsCount
    const isDegradedLogout = what === 'logged out' && !(this.#logoutsCount && !login.wasAlone)
    if (login.isDegraded && (what !== 'logged out' || isDegradedLogout)) return
    const isApart = this.#isPartition || this.time.now < this.#healedAt + SETTLE_MS
    if (isApart && isExcused) return
    this.broken.push(what)
  }

  /** At the end every ready node shows all that was acknowledged, and nothing that has ended. */
  async #checkAll(): Promise<void> {
    for (const { cookie, acknowledged, endedAt, isEnding } of this.#logins) {
      for (const { process, engine } of [...this.nodes.values()].filter(isReady)) {
        const reading = this.time.within(process, () => engine.read(requestWith(cookie)))
        const seen = await reading.catch(() => 'unavailable' as const)
        if (seen === 'unavailable') this.broken.push('stuck: a read at the end')
        else if (endedAt !== undefined) {
          if (seen) this.broken.push('revived at the end')
        } else if (!isEnding) {
          if (!seen) this.broken.push('lost: a session')
          else if ([...acknowledged.keys()].some((field) => !(field in seen))) this.broken.push('lost: a change')
        }
      }
    }
  }
}

const isReady = ({ process, node }: SimulatedNode): boolean =>
  process.isAlive && node.isFull && !node.isLeaving && [...node.peers.values()].some((peer) => peer.isReached)

async function outcomeOf(work: () => Promise<unknown>): Promise<Answer['outcome']> {
  try {
    await work()
    return 'done'
  } catch (error) {
    if (isSessionGone(error)) return 'gone'
    if (isStoreUnavailable(error) || isSessionConflict(error)) return 'failed'
    throw error
  }
}
