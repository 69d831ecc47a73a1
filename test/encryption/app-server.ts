import { createEngine, type Engine, type SessionOptions } from '@holdfast/core'
import { expect } from 'vitest'
import { requestWith } from '../races/request-with.js'

export type Data = Record<string, number>

export interface Visitor {
  readonly cookie: string
  /** What was acknowledged: by which app server, and how often. */
  readonly counts: Record<string, number>
}

export const engine = (options: Omit<SessionOptions<Data>, 'secret'>): Engine<Data> =>
  createEngine<Data>({ secret: 'a secret for these tests, 32 bytes or more', ...options })

/** One app server after the other under one name: each visitor's count goes up, and none may ever be lost. */
export class AppServer {
  readonly #name: string
  readonly #visitors: readonly Visitor[]
  readonly #ended: Promise<void>
  #engine: Engine<Data>
  #next: { readonly engine: Engine<Data>; done(): void } | undefined
  #stopping = false

  constructor(name: string, visitors: readonly Visitor[], first: Engine<Data>) {
    this.#name = name
    this.#visitors = visitors
    this.#engine = first
    this.#ended = this.#run()
    this.#ended.catch(() => {})
  }

  /** How often each visitor was served, the one who was served least. */
  get least(): number {
    return Math.min(...this.#visitors.map(({ counts }) => counts[this.#name] ?? 0))
  }

  /** Resolves when the next engine serves and the one before it is closed. */
  async deploy(engine: Engine<Data>): Promise<void> {
    await engine.ready()
    await Promise.race([this.#ended, new Promise<void>((done) => (this.#next = { engine, done }))])
  }

  /** Rejects with what went wrong since the start. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
    await this.#engine.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      for (const visitor of this.#visitors) await this.#serve(visitor)
      if (!this.#next) continue
      const { engine, done } = this.#next
      this.#next = undefined
      await this.#engine.close()
      this.#engine = engine
      done()
    }
  }

  async #serve({ cookie, counts }: Visitor): Promise<void> {
    const known = counts[this.#name] ?? 0
    const seen = await this.#engine.update(requestWith(cookie), (session) => {
      const before = session[this.#name] ?? 0
      session[this.#name] = known + 1
      return before
    })
    expect(seen).toBe(known)
    counts[this.#name] = known + 1
  }
}
