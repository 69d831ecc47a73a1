import type { Approach } from './approaches.js'
import { fleet } from './cast.js'
import { hostOf } from './find-redis.js'
import { crashed, frozen, isBack, killed, thawed } from './notices.js'
import { OwnServer } from './own-server.js'
import { Peers } from './peers.js'
import type { SessionServersState, SessionServerState } from './state.js'
import type { GivenServers, Kind, PeerServers, StoreConfig } from './store-config.js'

/** Whose config the page shows. */
const FIRST = fleet[0].name

export interface SessionServersOptions {
  readonly onChange: () => void
  /** One of the demo's own servers ended and nobody had asked for it. */
  readonly onCrash: (notice: string) => void
}

/**
 * What the app servers share their sessions through: servers of the demo, one that was given and is not touched, each other,
 * or nothing. Each of `kill` to `thaw` gives what there is to say of it; `undefined`: it does not fit the state.
 */
export class SessionServers {
  readonly #options: SessionServersOptions
  readonly #peers = new Peers()
  #store: Approach['store'] = 'memory:'
  #servers: readonly OwnServer[] = []

  constructor(options: SessionServersOptions) {
    this.#options = options
  }

  /** What the app servers share their sessions through, if they do. */
  get kind(): Kind | undefined {
    if (typeof this.#store === 'string') return undefined
    return this.#store.kind
  }

  /** For the environment of the app server of that name. */
  configOf(appServer: string): StoreConfig {
    if (typeof this.#store === 'string') return { SESSION_STORE: this.#store }
    if (this.#store.kind === 'Peer') return this.#peers.configOf(appServer)
    if ('url' in this.#store) return { SESSION_STORE: this.#store.url }
    return this.#store.config(this.#servers.map(({ address }) => address))
  }

  get state(): SessionServersState | undefined {
    if (typeof this.#store === 'string') return undefined
    if ('url' in this.#store) return givenState(this.#store)
    if (this.#store.kind === 'Peer') return peerState(this.#store, this.#peers.configOf(FIRST))
    const { kind, spare, holds } = this.#store
    const config = Object.entries(this.configOf(FIRST)).map(([name, value]) => `${name}=${value}`)
    return { kind, spare, holds, config, servers: this.#servers.map(stateOf) }
  }

  has(name: string): boolean {
    return this.state?.servers.some((server) => server.name === name) ?? false
  }

  /** Ends what ran before. Servers of the demo are started, empty; rejects when one does not start. */
  async use(store: Approach['store']): Promise<void> {
    await this.close()
    this.#store = store
    if (typeof store !== 'string' && store.kind === 'Peer') await this.#peers.takePorts()
    this.#servers = typeof store !== 'string' && 'names' in store ? store.names.map((name) => this.#make(name)) : []
    await Promise.all(this.#servers.map((server) => server.takePort()))
    await Promise.all(this.#servers.map((server) => this.#start(server)))
  }

  async kill(name: string): Promise<string | undefined> {
    const server = this.#find(name)
    if (server?.status.is !== 'running' && server?.status.is !== 'frozen') return undefined
    const { pid } = server.status
    await server.kill()
    return killed(name, pid, this.#othersGoOn(name))
  }

  /** Rejects when it does not start. */
  async restart(name: string): Promise<string | undefined> {
    const server = this.#find(name)
    if (server?.status.is !== 'stopped') return undefined
    await this.#start(server)
    return isBack(name, this.#othersGoOn(name), this.kind)
  }

  freeze(name: string): string | undefined {
    const server = this.#find(name)
    if (server?.status.is !== 'running') return undefined
    const { pid } = server.status
    server.freeze()
    return frozen(name, pid)
  }

  thaw(name: string): string | undefined {
    const server = this.#find(name)
    if (server?.status.is !== 'frozen') return undefined
    server.thaw()
    return thawed(name, this.kind)
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()))
  }

  #make(name: string): OwnServer {
    const { onChange, onCrash } = this.#options
    return new OwnServer({ name, onChange, onCrash: () => onCrash(crashed(name, this.#othersGoOn(name))) })
  }

  async #start(server: OwnServer): Promise<void> {
    const others = this.#servers.filter((other) => other !== server)
    if (typeof this.#store !== 'string' && 'program' in this.#store) await server.start(this.#store, others)
  }

  #find(name: string): OwnServer | undefined {
    return this.#servers.find((server) => server.name === name)
  }

  #othersGoOn(name: string): boolean {
    const others = this.#servers.filter((server) => server.name !== name)
    return others.length > 0 && others.every(({ status }) => status.is === 'running')
  }
}

/** The secret is not for the page. */
function peerState({ kind, holds }: PeerServers, { SESSION_STORE }: StoreConfig): SessionServersState {
  const config = [`SESSION_STORE=${SESSION_STORE} #\u00a0server\u00a0${FIRST}`, 'HOLDFAST_PEER_SECRET=…']
  return { kind, spare: 1, holds, config, servers: [] }
}

function givenState({ kind, url }: GivenServers): SessionServersState {
  const server: SessionServerState = { name: kind, status: 'given', pid: undefined, address: hostOf(url) }
  const holds = 'It holds the sessions of all three servers.'
  return { kind, spare: 0, holds, config: [`SESSION_STORE=$${kind.toUpperCase()}_URL`], servers: [server] }
}

function stateOf({ name, status, address }: OwnServer): SessionServerState {
  return { name, status: status.is, pid: 'pid' in status ? status.pid : undefined, address }
}
