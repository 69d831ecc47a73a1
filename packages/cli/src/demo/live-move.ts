import { setTimeout as sleep } from 'node:timers/promises'
import type { MigrationPhase } from '@holdfast/core'
import type { AppServer } from './app-server.js'
import type { Approach } from './approaches.js'
import { listed } from './notices.js'
import type { SessionServers } from './session-servers.js'
import type { MoveState, RequestResult } from './state.js'
import { movingConfig, type OwnServers, type PeerServers, type StoreConfig } from './store-config.js'

const LOOK_EVERY_MS = 100
/** After so long a new app server counts as up although it says that it should get no requests yet. */
const DEPLOYED_MS = 15_000

/** An approach whose sessions can move: all app servers share them, on servers that the demo may start, or on themselves. */
export type MovableApproach = Approach & { readonly store: OwnServers | PeerServers }

export const isMovable = (approach: object): approach is MovableApproach =>
  'store' in approach && typeof approach.store === 'object' && approach.store !== null && !('url' in approach.store)

export interface LiveMoveOptions {
  readonly from: MovableApproach
  readonly to: MovableApproach
  readonly before: SessionServers
  readonly after: SessionServers
  readonly appServers: readonly AppServer[]
  /** With what `configOf` gives. Never rejects. */
  readonly start: (server: AppServer) => Promise<void>
  readonly visitors: readonly string[]
  readonly onChange: () => void
  /** Whether visitors click by themselves. */
  readonly isPaused: () => boolean
}

/**
 * Moves the running shop from one approach to another, as a site does it: the app servers are deployed one after the other
 * with both places in their config; then the phase goes on whenever all visitors have clicked in it; then they are deployed
 * with the new place alone.
 */
export class LiveMove {
  readonly #options: LiveMoveOptions
  readonly #startedAt = performance.now()
  readonly #clicked = new Set<string>()
  readonly #score = { kept: 0, lost: 0, failed: 0 }
  #phase: MigrationPhase = 'off'
  #places: 'old' | 'both' | 'new' = 'old'
  #waitsForClicks = false
  /** Why it does not go on. */
  #trouble: string | undefined
  #over: 'arrived' | 'given up' | undefined
  #tookMs = 0
  #ended: Promise<void> = Promise.resolve()

  constructor(options: LiveMoveOptions) {
    this.#options = options
  }

  /** Resolves to whether it arrived: not, when `giveUp` was called meanwhile. */
  async run(): Promise<boolean> {
    const running = this.#run()
    this.#ended = running.catch(() => {})
    await running
    this.#over ??= 'arrived'
    this.#tookMs = performance.now() - this.#startedAt
    this.#options.onChange()
    return this.#over === 'arrived'
  }

  /** Resolves when it does nothing more. What it has begun stays as it is. */
  async giveUp(): Promise<void> {
    this.#over ??= 'given up'
    await this.#ended
  }

  /** For the environment of the app server of that name, as it is to be started now. */
  configOf(appServer: string): StoreConfig {
    const { before, after } = this.#options
    if (this.#places === 'old') return before.configOf(appServer)
    const to = after.configOf(appServer)
    return this.#places === 'new' ? to : movingConfig(before.configOf(appServer), to)
  }

  count(visitor: string, result: RequestResult): void {
    this.#clicked.add(visitor)
    if (this.#over === undefined && result !== 'signed-in') this.#score[result]++
  }

  get state(): MoveState {
    const { from, to, after } = this.#options
    const isOver = this.#over !== undefined
    return {
      from: from.title,
      to: to.title,
      phase: this.#phase,
      line: isOver ? this.#ending() : `${this.#line()}${this.#waiting()}`,
      isOver,
      ...this.#score,
      sessionServers: isOver ? undefined : after.state,
    }
  }

  async #run(): Promise<void> {
    const { to, after } = this.#options
    await after.use(to.store)
    this.#places = 'both'
    await this.#deploy()
    for (const phase of ['shadow', 'switch', 'drain', 'done'] as const) {
      await this.#everybodyClicks()
      await this.#move(phase)
    }
    await this.#everybodyClicks()
    this.#places = 'new'
    await this.#deploy()
  }

  /** One after the other, so that two serve at any time. One that was killed gets the new config when it is started again. */
  async #deploy(): Promise<void> {
    for (const server of this.#options.appServers) {
      if (this.#over !== undefined) return
      if (server.status.is === 'stopped') continue
      await server.leave()
      const endsAt = performance.now() + DEPLOYED_MS
      await this.#options.start(server)
      await this.#until(() => server.isHealthy || server.status.is === 'stopped' || performance.now() > endsAt)
    }
  }

  async #everybodyClicks(): Promise<void> {
    this.#waitsForClicks = true
    this.#clicked.clear()
    this.#options.onChange()
    await this.#until(() => this.#clicked.size === this.#options.visitors.length)
    this.#waitsForClicks = false
  }

  /** Any app server can do it, and all that run must have followed before the next phase. */
  async #move(phase: MigrationPhase): Promise<void> {
    while (this.#over === undefined) {
      try {
        const server = this.#options.appServers.find(({ status }) => status.is === 'running')
        if (!server) throw new Error('No app server is running.')
        await server.move(phase)
        break
      } catch (error) {
        this.#trouble = (error as Error).message
        this.#options.onChange()
        await sleep(LOOK_EVERY_MS)
      }
    }
    this.#trouble = undefined
    if (this.#over !== undefined) return
    this.#phase = phase
    this.#options.onChange()
    await this.#until(() =>
      this.#options.appServers.every((server) => server.status.is !== 'running' || server.phase === phase),
    )
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (this.#over === undefined && !isSo()) await sleep(LOOK_EVERY_MS)
  }

  #line(): string {
    const [from, to] = [placeOf(this.#options.from), placeOf(this.#options.to)]
    switch (this.#phase) {
      case 'off':
        return `The app servers restart one after the other, with both places in their config. All logins are still in ${from}.`
      case 'shadow':
        return `Each change of a login is copied to ${to}, and what is read is compared. What counts is in ${from}.`
      case 'switch':
        return `Each change goes to both, and both are read. What counts is still in ${from}.`
      case 'drain':
        if (listsLogins(this.#options.from))
          return `What counts is in ${to} now. Whatever is in ${from} alone is brought over.`
        return `What counts is in ${to} now. What is in ${from} cannot be listed, so a real site waits until the last login of before is over, 12 hours; the demo waits for its six visitors.`
      case 'done':
        return `Nothing asks ${from} any more. The app servers restart once more, with ${to} alone in their config.`
    }
  }

  #waiting(): string {
    if (this.#trouble !== undefined) return ` It waits: ${this.#trouble}`
    const isUpToVisitors = this.#waitsForClicks && this.#options.isPaused()
    return isUpToVisitors ? ' It goes on when all six visitors have clicked.' : ''
  }

  #ending(): string {
    if (this.#over === 'given up') return 'The move was given up for another choice.'
    const { kept, lost, failed } = this.#score
    const logins = lost === 0 ? 'no login was lost' : lost === 1 ? '1 login was lost' : `${lost} logins were lost`
    const answers = failed === 0 ? 'nobody got a 503' : `${failed} got a 503`
    return `Moved in ${Math.round(this.#tookMs / 1_000)} s. Of ${kept + lost + failed} page views meanwhile ${answers}, and ${logins}.`
  }
}

/** Memcached and the app servers do not. */
const listsLogins = ({ store: { kind } }: MovableApproach): boolean => kind === 'Redis' || kind === 'Hazelcast'

function placeOf({ store }: MovableApproach): string {
  if (store.kind === 'Peer') return 'the memory of the app servers'
  return store.kind === 'Redis' && 'names' in store && store.names.length > 1 ? listed(store.names) : store.kind
}
