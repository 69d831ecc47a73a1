import { randomBytes } from 'node:crypto'
import { AppServer } from './app-server.js'
import type { Approach, MissingApproach } from './approaches.js'
import { Balancer } from './balancer.js'
import { fleet, people } from './cast.js'
import { isMovable, LiveMove } from './live-move.js'
import { obituary, peerObituary, serverIsBack, type Others } from './notices.js'
import { Scoreboard } from './scoreboard.js'
import { SessionServers } from './session-servers.js'
import type { ApproachState, DemoState, ServerState, VisitorState } from './state.js'
import { Traffic } from './traffic.js'
import { judge } from './verdict.js'
import { Visitor } from './visitor.js'

/** The launch: six visitors, a balancer, three app servers, session servers, and everything that one can do to them. */
export class Demo {
  readonly balancer: Balancer
  readonly #approaches: readonly (Approach | MissingApproach)[]
  readonly #servers: readonly AppServer[]
  #sessionServers: SessionServers
  /** Where sessions move to, while they do. */
  #nextServers: SessionServers | undefined
  #move: LiveMove | undefined
  readonly #visitors = people.map(([name, address]) => new Visitor(name, address))
  readonly #scoreboard = new Scoreboard()
  readonly #traffic = new Traffic(() => this.#clickOfOne())
  readonly #onChange: () => void
  #approach: Approach
  #notice = 'Each visitor clicks about every two seconds, and signs in again when the login is lost.'
  #origin = ''
  #waiting: Visitor[] = []

  /** `onChange` is called after every change of `state()`. */
  constructor(approaches: readonly [Approach, ...(Approach | MissingApproach)[]], onChange: () => void) {
    this.#approaches = approaches
    this.#approach = approaches[0]
    this.#onChange = onChange
    // The demo is plain http on loopback, which Holdfast allows in development.
    const env = { NODE_ENV: 'development', SESSION_SECRET: randomBytes(32).toString('base64url') }
    const onCrash = (server: AppServer, how: string): void =>
      this.#say(this.#obituary(server.name, `stopped by itself (${how})`))
    this.#servers = fleet.map((server) => new AppServer({ ...server, env, onChange, onCrash }))
    this.#sessionServers = this.#newSessionServers()
    this.balancer = new Balancer(this.#servers, this.#approach)
  }

  /** Starts the servers and signs everybody in. `origin` is where the balancer listens. Rejects when a server does not start. */
  async start(origin: string): Promise<void> {
    this.#origin = origin
    await this.#sessionServers.use(this.#approach.store)
    await Promise.all(this.#servers.map((server) => this.#startServer(server)))
    await this.#traffic.between(() => this.#signInAll())
  }

  async close(): Promise<void> {
    await this.#traffic.pause()
    // A move is not waited for: the servers that it waits for go now.
    void this.#move?.giveUp()
    await Promise.all(this.#servers.map((server) => server.kill()))
    await Promise.all([this.#sessionServers.close(), this.#nextServers?.close()])
  }

  /** Every approach begins with fresh logins, so that their scores can be compared. `false`: there is none of that id here. */
  async choose(id: string): Promise<boolean> {
    const approach = this.#approaches.find((each) => each.id === id)
    if (approach === undefined || !('store' in approach)) return false
    const isGivenUp = await this.#giveUpMove()
    await this.#traffic.between(async () => {
      const isOtherStore = isGivenUp || approach.store !== this.#approach.store
      this.#approach = approach
      this.balancer.use(approach)
      if (isOtherStore) await this.#startAnew()
      await this.#signInAll()
      this.#say(`${approach.title} from now on. ${this.#whoIsIn()}`)
    })
    return true
  }

  /**
   * Moves the running shop to another approach while the visitors click: nobody signs in again. Resolves once it has begun.
   * `false`: one of both does not share its sessions, or is not the demo's, or another move is under way.
   */
  async move(id: string): Promise<boolean> {
    const [from, to] = [this.#approach, this.#approaches.find((each) => each.id === id)]
    if (!this.#targets().includes(id) || !isMovable(from) || to === undefined || !isMovable(to)) return false
    const after = (this.#nextServers = this.#newSessionServers())
    const move = (this.#move = new LiveMove({
      ...{ from, to, before: this.#sessionServers, after },
      appServers: this.#servers,
      start: async (server) => void (await this.#succeeds(this.#startServer(server))),
      visitors: people.map(([name]) => name),
      onChange: this.#onChange,
      isPaused: () => !this.#traffic.running,
    }))
    this.#say(`From “${from.title}” to “${to.title}”, while everybody clicks.`)
    void this.#arrive(move, to)
    return true
  }

  /** Everybody begins anew: a browser without cookies, and a login. */
  async signIn(): Promise<void> {
    await this.#traffic.between(async () => {
      await this.#signInAll()
      this.#say(this.#whoIsIn())
    })
  }

  /** `false`: there is no such server, or it is not running. */
  async kill(name: string): Promise<boolean> {
    const sessionServers = this.#thatHave(name)
    if (sessionServers) return this.#says(await sessionServers.kill(name))
    const server = this.#servers.find((each) => each.name === name)
    if (server?.status.is !== 'running') return false
    const how = `was killed (SIGKILL, process ${server.status.process.pid})`
    const visitors = this.#visitorStates()
    await server.kill()
    this.#say(this.#obituary(name, how, visitors))
    return true
  }

  /** `false`: there is no such server, or it is not stopped. A server that does not start says so on the page. */
  async restart(name: string): Promise<boolean> {
    const sessionServers = this.#thatHave(name)
    if (sessionServers) return await this.#restartSessionServer(sessionServers, name)
    const server = this.#servers.find((each) => each.name === name)
    if (server?.status.is !== 'stopped') return false
    if (await this.#succeeds(this.#startServer(server)))
      this.#say(serverIsBack(name, this.#sessionServers.kind, this.#others(name)))
    return true
  }

  /** A session server keeps its connections and answers nothing. `false`: there is none, or it is not running. */
  freeze(name: string): boolean {
    return this.#says(this.#thatHave(name)?.freeze(name))
  }

  /** `false`: it is not frozen. */
  thaw(name: string): boolean {
    return this.#says(this.#thatHave(name)?.thaw(name))
  }

  async run(): Promise<void> {
    this.#traffic.run()
    this.#onChange()
  }

  async pause(): Promise<void> {
    await this.#traffic.pause()
    this.#onChange()
  }

  burst(clicks: number): void {
    this.#traffic.burst(clicks)
  }

  /** Traffic runs while somebody watches; the function that it returns ends the watching. */
  watch(): () => void {
    return this.#traffic.watch()
  }

  state(): DemoState {
    const servers = this.#servers.map((server) => this.#serverState(server))
    const sessionServers = this.#sessionServers.state
    const { requests } = this.#scoreboard
    const score = this.#scoreboard.score(this.#approach.id)
    const waiting = this.#visitors.filter(({ login }) => login === 'unknown').length
    return {
      approach: this.#approach.id,
      approaches: this.#approaches.map((approach) => this.#approachState(approach)),
      servers,
      sessionServers,
      move: this.#move?.state,
      targets: this.#targets(),
      visitors: this.#visitorStates(),
      requests,
      traffic: this.#traffic.running ? 'running' : 'paused',
      verdict: judge({ score, servers, sessionServers, newest: requests.at(-1), waiting }),
      notice: this.#notice,
    }
  }

  #approachState(approach: Approach | MissingApproach): ApproachState {
    const { id, title, line } = approach
    const command = 'command' in approach ? approach.command : undefined
    return { id, title, line, isHere: 'store' in approach, command, score: this.#scoreboard.score(id) }
  }

  #visitorStates(): VisitorState[] {
    return this.#visitors.map(({ name, address, login, server }) => ({ name, address, login, server }))
  }

  #serverState({ name, framework, status, answered, phase }: AppServer): ServerState {
    return {
      name,
      framework,
      status: status.is,
      pid: status.is === 'stopped' ? undefined : status.process.pid,
      port: status.is === 'running' ? status.port : undefined,
      answered,
      share: this.#scoreboard.share(name),
      phase,
    }
  }

  /** One visitor after the other in a random order that is new for each round: in a fixed one, round-robin would hold. */
  async #clickOfOne(): Promise<void> {
    if (this.#waiting.length === 0) this.#waiting = shuffled(this.#visitors)
    const visitor = this.#waiting.pop()
    if (visitor !== undefined) await this.#click(visitor)
  }

  async #click(visitor: Visitor): Promise<void> {
    const answer = await visitor.click(this.#origin)
    this.#scoreboard.add(this.#approach.id, { visitor: visitor.name, ...answer })
    this.#move?.count(visitor.name, answer.result)
    this.#onChange()
  }

  async #signInAll(): Promise<void> {
    for (const visitor of this.#visitors) {
      visitor.forget()
      await this.#click(visitor)
    }
  }

  #startServer(server: AppServer): Promise<void> {
    const { name } = server
    const given = this.#nextServers && this.#move ? this.#move : this.#sessionServers
    return server.start(given.configOf(name))
  }

  #newSessionServers(): SessionServers {
    return new SessionServers({ onChange: this.#onChange, onCrash: (notice) => this.#say(notice) })
  }

  #thatHave(name: string): SessionServers | undefined {
    return [this.#sessionServers, this.#nextServers].find((servers) => servers?.has(name))
  }

  /** From a place that all app servers share to another: what one has in its memory alone ends with it. */
  #targets(): readonly string[] {
    if (this.#nextServers || !isMovable(this.#approach)) return []
    return this.#approaches.filter((each) => each !== this.#approach && isMovable(each)).map(({ id }) => id)
  }

  async #arrive(move: LiveMove, to: Approach): Promise<void> {
    const before = this.#sessionServers
    const after = this.#nextServers
    try {
      const hasArrived = await move.run()
      if (!hasArrived || after === undefined || after !== this.#nextServers) return
      this.#sessionServers = after
      this.#nextServers = undefined
      this.#approach = to
      this.balancer.use(to)
      await before.close()
      this.#say(`${to.title} from now on, with the logins of before.`)
    } catch (error) {
      await this.#giveUpMove()
      this.#say((error as Error).message)
    }
  }

  /** Whether there was one under way: app servers may be on their way to other servers then. */
  async #giveUpMove(): Promise<boolean> {
    const [move, after] = [this.#move, this.#nextServers]
    this.#move = undefined
    await move?.giveUp()
    this.#nextServers = undefined
    await after?.close()
    return after !== undefined
  }

  /** A server reads its store when it starts. */
  async #startAnew(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()))
    await this.#succeeds(this.#sessionServers.use(this.#approach.store))
    await Promise.all(this.#servers.map((server) => this.#succeeds(this.#startServer(server))))
  }

  async #restartSessionServer(servers: SessionServers, name: string): Promise<boolean> {
    const server = servers.state?.servers.find((each) => each.name === name)
    if (server?.status !== 'stopped') return false
    await this.#succeeds(servers.restart(name).then((notice) => this.#says(notice)))
    return true
  }

  /** Says on the page why something did not start. */
  async #succeeds(starting: Promise<unknown>): Promise<boolean> {
    try {
      await starting
      return true
    } catch (error) {
      this.#say((error as Error).message)
      return false
    }
  }

  #whoIsIn(): string {
    const count = this.#visitors.filter(({ login }) => login === 'in').length
    if (count === this.#visitors.length) return 'All six visitors have just signed in.'
    return `${count} of ${this.#visitors.length} visitors could sign in.`
  }

  /** `false`: there is nothing to say, because nothing was done. */
  #says(notice: string | undefined): boolean {
    if (notice === undefined) return false
    this.#say(notice)
    return true
  }

  #say(notice: string): void {
    this.#notice = notice
    this.#onChange()
  }

  /** The names of the other app servers, by whether they run. */
  #others(name: string): Others {
    const isRunning = ({ status }: AppServer): boolean => status.is === 'running'
    const others = this.#servers.filter((server) => server.name !== name)
    return {
      running: others.filter(isRunning).map((server) => server.name),
      down: others.filter((server) => !isRunning(server)).map((server) => server.name),
    }
  }

  #obituary(server: string, how: string, visitors = this.#visitorStates()): string {
    const { kind } = this.#sessionServers
    if (kind === 'Peer') return peerObituary(server, how, this.#others(server))
    return obituary(server, how, visitors, kind)
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
