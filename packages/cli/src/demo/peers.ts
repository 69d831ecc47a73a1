import { randomBytes } from 'node:crypto'
import { fleet } from './cast.js'
import { freePort } from './free-port.js'
import type { StoreConfig } from './store-config.js'

/** Where the app servers find each other, and the secret by which they know each other: both are new for each run. */
export class Peers {
  readonly #secret = randomBytes(32).toString('base64url')
  #addresses: ReadonlyMap<string, string> = new Map()

  /** Each app server gets an address that it keeps, however often it is started again. */
  async takePorts(): Promise<void> {
    if (this.#addresses.size > 0) return
    const ports = new Set<number>()
    while (ports.size < fleet.length) ports.add(await freePort())
    this.#addresses = new Map([...ports].map((port, index) => [fleet[index]?.name ?? '', `127.0.0.1:${port}`]))
  }

  /** What the app server of that name reads of its environment. */
  configOf(server: string): StoreConfig {
    const self = this.#addresses.get(server) ?? ''
    const others = [...this.#addresses.values()].filter((address) => address !== self)
    return { SESSION_STORE: `peer://${self}?peers=${others.join()}`, HOLDFAST_PEER_SECRET: this.#secret }
  }
}
