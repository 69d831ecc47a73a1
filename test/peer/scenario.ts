import { subscribe } from 'node:diagnostics_channel'
import { isSameWrite, isSessionConflict, isSessionGone, isStoreUnavailable, type StoreEvent } from '@holdfast/core'
import { joinAll } from '../../packages/core/src/copies.js'
import { keyOf } from '../../packages/core/src/cookies.js'
import { requestWith } from '../races/request-with.js'
import { clockAt, type Data, type SimulatedNode, startNode } from './nodes.js'
import { randomFrom, withRandom } from './seeded.js'
import { SimulatedNetwork } from './simulated-network.js'
import { currentCause, type Process, VirtualTime } from './virtual-time.js'

/** One kind of fault, done to nodes under load; at its end all are whole again. */
export interface Scenario {
  readonly nodes?: number
  readonly clients?: number
  /** Some nodes are so far ahead of the others, in ms: never more than peers let pass. */
  readonly mostClockOffMs?: number
  /** Takes twice as long as others to simulate, and is tried less often. */
  readonly isCostly?: boolean
  /** Clients never think for long. */
  readonly isHurried?: boolean
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
  /** The requests of this session that are at this node, itself among them: their changes may go in one write. */
  readonly alongside: Set<Said>
}

subscribe('holdfast:store', (message) => {
  const event = message as StoreEvent
  const request = currentCause() as Said | undefined
  if (!request || event.type !== 'degraded') return
  if (event.operation === 'read') request.isBlind = true
  else for (const one of request.alongside) one.isDegraded = true
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
  /** Mostly read: what moves its deadline are touches. */
  readonly isQuiet: boolean
  /** No request of it has ended that says it may be over by then. */
  aliveUntil: number
  /** More nodes than backups died at once, and those that were left did not have all of it. */
  isLost: boolean
}

interface Answer extends Said {
  readonly outcome: 'done' | 'gone' | 'failed'
  readonly seen: Data | undefined
}

const LOGINS = 3
const CLIENTS = 4
const HANDLER_MS = 20
const THINK_MS = 120
/** So long after a fault has begun or ended clients do not think. */
const HURRY_MS = 400
const HURRIED_MS = 20
const PATIENCE_MS = 3_000
const SETTLE_MS = 1_500
/** In half of the runs sessions end soon, so that touches matter. */
const SHORT_IDLE_MS = 4_000
/** A touch is made when less of the idle time is left. */
const LEAST_LEFT = 0.9
const LONG_IDLE_MS = 1_800_000
/** In the other half so many are left alone until the end. */
const RESTING = 3

export class World {
  readonly time = new VirtualTime()
  readonly network: SimulatedNetwork
  readonly names: readonly string[]
  readonly nodes = new Map<string, SimulatedNode>()
  readonly broken: string[] = []
  readonly random: () => number
  /** Where requests go, if not to all nodes. */
  asked: readonly string[] | undefined
  requests = 0
  readonly #scenario: Scenario
  readonly #idleMs: number
  /** So long a session lives after its last request, at least. */
  readonly #leastMs: number
  readonly #clocksOff = new Map<string, number>()
  readonly #logins: Login[] = []
  readonly #resting: Login[] = []
  readonly #requests = new Map<Process, Map<string, Set<Said>>>()
  #hurryUntil = 0
  #isPartition = false
  #logoutsCount = false
  #healedAt = -Infinity
  /** When several nodes were killed at once. */
  #diedAt = -Infinity
  #isOver = false
  #fields = 0

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario
    this.random = randomFrom(seed)
    const { mostClockOffMs = 0 } = scenario
    const shortMs = SHORT_IDLE_MS + 2 * mostClockOffMs
    this.#idleMs = this.random() < 0.5 ? shortMs : LONG_IDLE_MS
    this.#leastMs = LEAST_LEFT * this.#idleMs - mostClockOffMs
    this.network = new SimulatedNetwork(this.time, this.random)
    if (scenario.isHurried) this.#hurryUntil = Infinity
    this.names = Array.from({ length: scenario.nodes ?? 3 }, (_, at) => `10.0.0.${at + 1}:7946`)
  }

  async run(): Promise<readonly string[]> {
    await withRandom(this.random, () => this.time.run(() => this.#live()))
    return this.broken
  }

  async #live(): Promise<void> {
    for (const name of this.names) this.start(name)
    await this.untilWhole('start')
    if (this.#idleMs === LONG_IDLE_MS) await this.#makeResting()
    const clients = Array.from({ length: this.#scenario.clients ?? CLIENTS }, () => this.#client())
    await this.time.sleep(300)
    await this.#scenario.run(this)
    await this.untilWhole('the end')
    await this.time.sleep(200)
    this.#isOver = true
    await Promise.all(clients)
    await this.#checkAll()
    for (const { process } of this.nodes.values()) process.isAlive = false
  }

  start(name: string, list = this.names): void {
    this.#hurry()
    this.nodes.set(name, startNode(this.time, this.network, name, list, this.#idleMs, this.#clockOffMs(name)))
  }

  node(name: string): SimulatedNode {
    return this.nodes.get(name) as SimulatedNode
  }

  kill(name: string): void {
    this.#hurry()
    this.node(name).process.isAlive = false
  }

  /** More at once than there are backups: what the others do not have is lost. */
  killTogether(...names: readonly string[]): void {
    this.#diedAt = this.time.now
    const left = [...this.nodes.keys()].filter((name) => !names.includes(name))
    for (const login of [...this.#logins, ...this.#resting]) void this.#bury(login, left)
    for (const name of names) this.kill(name)
  }

  async #bury(login: Login, left: readonly string[]): Promise<void> {
    const reads = [...this.nodes].map(async ([name, { node }]) => {
      const record = await node.memory.read(keyOfCookie(login.cookie))
      return { record, isLeft: left.includes(name) }
    })
    const held = await Promise.all(reads)
    const before = joinAll(held.map(({ record }) => record))
    const after = joinAll(held.filter(({ isLeft }) => isLeft).map(({ record }) => record))
    if (before && !(after && isSameWrite(before, after))) login.isLost = true
  }

  /** It is gone for good. */
  remove(name: string): void {
    this.kill(name)
    this.nodes.delete(name)
  }

  pause(name: string): void {
    this.#hurry()
    this.node(name).process.isPaused = true
  }

  resume(name: string): void {
    this.#hurry()
    this.time.resume(this.node(name).process)
  }

  async drain(name: string): Promise<void> {
    const { process, node } = this.node(name)
    await this.time.within(process, () => node.drain())
  }

  cutBetween(a: string, b: string): void {
    this.#hurry()
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
    this.#hurry()
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

  #clockOffMs(name: string): number {
    const { mostClockOffMs } = this.#scenario
    if (mostClockOffMs === undefined) return 0
    const clockOffMs = this.#clocksOff.get(name) ?? (this.random() < 0.5 ? mostClockOffMs : 0)
    this.#clocksOff.set(name, clockOffMs)
    return clockOffMs
  }

  #hurry(): void {
    this.#hurryUntil = Math.max(this.#hurryUntil, this.time.now + HURRY_MS)
  }

  async #makeResting(): Promise<void> {
    for (let count = 0; count < RESTING; count++) {
      await this.#logIn(0)
      this.#resting.push(...this.#logins.splice(0))
    }
  }

  async #client(): Promise<void> {
    while (!this.#isOver) {
      const live = this.#logins.filter(({ endedAt }) => endedAt === undefined)
      const login = this.random() < 0.97 ? this.#logins[Math.floor(this.random() * this.#logins.length)] : undefined
      if (!login || (login.endedAt !== undefined && live.length < LOGINS)) await this.#logIn(live.length)
      else await this.#visit(login)
      await this.upTo(this.time.now < this.#hurryUntil ? HURRIED_MS : THINK_MS)
    }
  }

  async #logIn(live: number): Promise<void> {
    if (live >= LOGINS) return
    let cookie = ''
    const beganAt = this.time.now
    const { outcome, isDegraded } = await this.#ask('', async ({ engine }) => {
      cookie = (await engine.create({ user: 'ada' })).cookie
      return {}
    })
    if (outcome !== 'done') return
    this.#logins.push({
      cookie,
      acknowledged: new Map(),
      isEnding: false,
      endedAt: undefined,
      isDegraded,
      wasAlone: isDegraded,
      isQuiet: this.random() < 0.4,
      aliveUntil: beganAt + this.#leastMs,
      isLost: beganAt <= this.#diedAt,
    })
  }

  async #visit(login: Login): Promise<void> {
    const { endedAt, isEnding } = login
    const known = [...login.acknowledged.keys()]
    const dice = this.random()
    if (dice < 0.03 && !isEnding) return this.#logOut(login)
    const field = `f${this.#fields++}`
    const isWrite = dice < (login.isQuiet ? 0.1 : 0.6)
    const isTouch = !isWrite && dice < 0.8
    const beganAt = this.time.now
    const request = requestWith(login.cookie)
    const answer = await this.#ask(login.cookie, async ({ engine }, see) => {
      if (!isWrite && !isTouch) return see(await engine.read(request))
      await engine.update(request, async (session) => {
        see(session)
        await this.upTo(HANDLER_MS)
        if (isWrite) session[field] = 1
      })
    })
    if (answer.outcome === 'failed') return
    const { seen } = answer
    if (seen) {
      if (endedAt !== undefined) this.#blame('revived', login, answer)
      const missing = known.filter((name) => !(name in seen))
      if (missing.length > 0) this.#blame('stale', login, answer)
    } else if (this.time.now > login.aliveUntil) login.isEnding = true
    else if (!login.isEnding) this.#blame('logged out', login, answer)
    if (answer.outcome !== 'done') return
    if (isWrite) {
      login.acknowledged.set(field, this.time.now)
      if (answer.isDegraded) login.isDegraded = true
    }
    // A request that comes when the session is about to expire may be too late with its touch.
    if (isWrite || (isTouch && beganAt < login.aliveUntil))
      login.aliveUntil = Math.max(login.aliveUntil, beganAt + this.#leastMs)
  }

  async #logOut(login: Login): Promise<void> {
    login.isEnding = true
    const request = requestWith(login.cookie)
    const { outcome, isDegraded } = await this.#ask(login.cookie, ({ engine }) =>
      engine.update(request, (session) => session.destroy()),
    )
    if (outcome !== 'done') return
    login.endedAt = this.time.now
    if (isDegraded) login.isDegraded = true
  }

  /** A request at one of the nodes; who waits longer than a browser does has no answer. */
  async #ask(
    cookie: string,
    handle: (node: SimulatedNode, see: (data: Data | undefined) => void) => Promise<unknown>,
  ): Promise<Answer> {
    const node = this.#pickNode()
    this.requests++
    const alongside = this.#alongside(node, cookie)
    const request: Said = { isDegraded: false, isBlind: false, alongside }
    let seen: Data | undefined
    const see = (data: Data | undefined): void => void (seen = data && { ...data })
    if (!node.process.isAlive) return { outcome: 'failed', seen, ...request }
    const served = new Promise<Answer['outcome']>((resolve, reject) => {
      const serve = (): void => void outcomeOf(() => handle(node, see)).then(resolve, reject)
      this.time.within(node.process, () => this.time.after(this.random(), serve), request)
    })
    alongside.add(request)
    void served.then(() => alongside.delete(request))
    const outcome = await Promise.race([served, this.time.sleep(PATIENCE_MS).then(() => 'failed' as const)])
    return { outcome, seen, ...request }
  }

  #alongside({ process }: SimulatedNode, cookie: string): Set<Said> {
    const requests = this.#requests.get(process) ?? new Map<string, Set<Said>>()
    const alongside = requests.get(cookie) ?? new Set()
    this.#requests.set(process, requests.set(cookie, alongside))
    return alongside
  }

  #pickNode(): SimulatedNode {
    const nodes = [...this.nodes.values()].filter(({ name }) => this.asked?.includes(name) ?? true)
    const ready = this.#scenario.anyNode ? nodes : nodes.filter(isReady)
    const among = ready.length > 0 ? ready : nodes
    return among[Math.floor(this.random() * among.length)] as SimulatedNode
  }

  #blame(what: 'revived' | 'stale' | 'logged out', login: Login, { isBlind }: Said): void {
    // A copy was found, which may be old; it may even have been about to expire.
    if (isBlind || login.isLost) return
    const isExcused = what !== 'logged out' || !this.#logoutsCount
    const isDegradedLogout = what === 'logged out' && !(this.#logoutsCount && !login.wasAlone)
    if (login.isDegraded && (what !== 'logged out' || isDegradedLogout)) return
    const isApart = this.#isPartition || this.time.now < this.#healedAt + SETTLE_MS
    if (isApart && isExcused) return
    this.broken.push(what)
  }

  /** At the end every ready node shows all that was acknowledged, and nothing that has ended. */
  async #checkAll(): Promise<void> {
    for (const login of [...this.#logins, ...this.#resting])
      for (const node of [...this.nodes.values()].filter(isReady)) await this.#check(login, node)
  }

  async #check(login: Login, { process, engine, sessions }: SimulatedNode): Promise<void> {
    const { cookie, acknowledged, endedAt, isEnding, aliveUntil, isDegraded, isLost } = login
    // What one node alone took may have ended there, before the node was heard again.
    const wasCutShort = isDegraded && this.#idleMs !== LONG_IDLE_MS
    const isOver = isEnding || wasCutShort || this.time.now > aliveUntil
    const key = keyOfCookie(cookie)
    const reading = this.time.within(process, async () => ({
      seen: await engine.read(requestWith(cookie)),
      record: await sessions.read(key),
    }))
    const read = await reading.catch(() => undefined)
    if (!read) this.broken.push('stuck: a read at the end')
    else if (isLost) return
    else if (endedAt !== undefined) {
      if (read.seen) this.broken.push('revived at the end')
    } else if (!isOver) {
      const { seen, record } = read
      if (!seen || !record) this.broken.push('lost: a session')
      else if ([...acknowledged.keys()].some((field) => !(field in seen))) this.broken.push('lost: a change')
      else if (record.expiresAt < clockAt(aliveUntil)) this.broken.push('lost: a touch')
    }
  }
}

const keyOfCookie = (cookie: string): string => keyOf(/sid=([^.]*)/.exec(cookie)?.[1] ?? '')

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
