import { StoreUnavailableError, type CasItem, type CasPort } from '@holdfast/core'
import { ClientOfflineError, ClientNotActiveError, type Client, type IMap } from 'hazelcast-client'
import type { ClientSource } from './client-source.js'

export type SessionMap = IMap<string, string>

/** A map of a cluster as a place that compares and sets. What is compared is the whole text that was read. */
export class MapPort implements CasPort {
  readonly #source: ClientSource
  readonly #name: string
  readonly #clock: () => number
  #known: { readonly client: Client; readonly map: Promise<SessionMap> } | undefined

  constructor(source: ClientSource, name: string, clock: () => number) {
    this.#source = source
    this.#name = name
    this.#clock = clock
  }

  async gets(key: string): Promise<CasItem | undefined> {
    const text = await this.#ask((map) => map.get(key))
    return text === null ? undefined : { text, version: text }
  }

  async add(key: string, text: string, expiresAt: number): Promise<boolean> {
    const ttlMs = this.#ttlMs(expiresAt)
    return this.#ask(async (map) => (await map.putIfAbsent(key, text, ttlMs)) === null)
  }

  /** The entry is kept as long as the map keeps what nobody says more of: `replaceIfSame` takes no lifetime. */
  cas(key: string, text: string, version: unknown): Promise<boolean> {
    return this.#ask((map) => map.replaceIfSame(key, version as string, text))
  }

  async map(): Promise<SessionMap> {
    const client = this.#source.now ?? (await this.#source.get())
    if (this.#known?.client === client) return this.#known.map
    const map = client.getMap<string, string>(this.#name)
    this.#known = { client, map }
    map.catch(() => (this.#known = undefined))
    return map
  }

  async #ask<T>(ask: (map: SessionMap) => Promise<T>): Promise<T> {
    try {
      return await ask(await this.map())
    } catch (cause) {
      // It has not sent anything.
      if (!(cause instanceof ClientOfflineError || cause instanceof ClientNotActiveError)) throw cause
      throw new StoreUnavailableError('hazelcast: no member can be reached.', { cause, refused: true })
    }
  }

  /** Whole seconds, as the cluster cuts what is more, and one more: it only collects garbage. */
  #ttlMs(expiresAt: number): number {
    return (Math.ceil(Math.max(0, expiresAt - this.#clock()) / 1_000) + 1) * 1_000
  }
}
