import fc from 'fast-check'
import { isExpired, isTombstone, type SessionRecord, StoreUnavailableError, TOMBSTONE_REVISION } from '@holdfast/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fatesWith, UNKNOWN_OUTCOMES } from '../races/simulated-store.js'
import { MAX_STALE_MS, Network, Node } from './network.js'

const KEY = 'the-key'
const OPS = ['read', 'read', 'read', 'fresh read', 'write', 'write', 'touch', 'destroy'] as const
type Step = readonly [op: (typeof OPS)[number], lifeMs: number]

/** A client on one of two servers does this, one step after the other; a pause is how much time goes by. */
interface Plan {
  readonly clients: readonly { readonly node: number; readonly steps: readonly Step[] }[]
  readonly pauses: readonly number[]
}
const steps = fc.array(fc.tuple(fc.constantFrom(...OPS), fc.constantFrom(30, 1_000)), { minLength: 1, maxLength: 8 })
const plan: fc.Arbitrary<Plan> = fc.record({
  clients: fc.array(fc.record({ node: fc.nat(1), steps }), { minLength: 2, maxLength: 4 }),
  pauses: fc.array(fc.constantFrom(1, 20, MAX_STALE_MS, MAX_STALE_MS + 1), { maxLength: 12 }),
})

const numRuns = Number(process.env['HOLDFAST_RUNS'] ?? 1_000)
const seed = Number(process.env['HOLDFAST_SEED'] ?? Date.now() % 1_000_000_000)
console.info(`interleavings: ${numRuns} runs each, HOLDFAST_SEED=${seed}`)

let hits = 0
let unique = 0

/** One client's steps; every answer is held against the history of the server. */
class Client {
  readonly #network: Network
  readonly #node: Node
  #known: SessionRecord | undefined

  constructor(network: Network, node: Node) {
    this.#network = network
    this.#node = node
  }

  async run(plan: readonly Step[]): Promise<void> {
    for (const [op, lifeMs] of plan) {
      try {
        if (op === 'read' || op === 'fresh read') await this.#read(op === 'fresh read')
        else await this.#change(op, this.#network.clock() + lifeMs)
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error
      }
    }
  }

  async #read(fresh: boolean): Promise<void> {
    const { cache, asked, floor } = this.#node
    const [beganAt, now] = [performance.now(), this.#network.clock()]
    const answer = cache.read(KEY, { fresh })
    const isHit = this.#node.asked === asked
    const record = await answer
    this.#known = record ?? this.#known
    if (isHit) {
      hits++
      expect(fresh).toBe(false)
      expect(record && !isTombstone(record) && !isExpired(record, now)).toBe(true)
    }
    if (!record) return
    const { history } = this.#network.server
    const place = this.#network.server.placeOf(record)
    expect(place).toBeGreaterThanOrEqual(floor)
    const stoodUntil = history[place + 1]?.from ?? Infinity
    expect(stoodUntil).toBeGreaterThanOrEqual(beganAt - (isHit ? MAX_STALE_MS : 0))
  }

  async #change(op: 'write' | 'touch' | 'destroy', end: number): Promise<void> {
    const { cache } = this.#node
    const known = this.#known
    const expiresAt = end + ++unique / 1e6
    const next: SessionRecord = {
      data: `${unique}`,
      revision: (known?.revision ?? 0) + 1,
      tag: `t${unique}`,
      expiresAt,
    }
    if (op === 'touch') {
      if (!known || isTombstone(known)) return
      const touched = { ...known, expiresAt }
      await this.#learn(cache.touch(KEY, { ...known, data: 'anything' }, expiresAt), touched)
    } else if (op === 'destroy') {
      const tombstone = { ...next, data: null, revision: TOMBSTONE_REVISION }
      await this.#learn(cache.write(KEY, tombstone, 'newer'), tombstone)
    } else {
      await this.#learn(cache.write(KEY, next, known ? { replaces: known } : 'absent'), next)
    }
  }

  /** What this server was told stands there: later reads here must not be behind it. */
  async #learn(call: ReturnType<Node['cache']['write']>, written: SessionRecord): Promise<void> {
    const outcome = await call
    const record = outcome.written ? written : outcome.current
    if (!record) return
    this.#node.seen(this.#network.server.placeOf(record))
    this.#known = record
  }
}

async function runAll(scheduler: fc.Scheduler, network: Network, nodes: readonly Node[], plan: Plan): Promise<void> {
  const passing = (async () => {
    for (const ms of plan.pauses) {
      await network.turn(`${ms} ms go by`)
      vi.advanceTimersByTime(ms)
    }
  })()
  const clients = plan.clients.map(({ node, steps }) => new Client(network, nodes[node] as Node).run(steps))
  let isOver = false
  const all = Promise.all([passing, ...clients]).finally(() => (isOver = true))
  all.catch(() => undefined)
  for (await settled(); !isOver; await settled()) await scheduler.waitOne()
  await all
}

/** Lets everything run that needs no turn. */
async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

describe('two near caches over one store, whatever comes first', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())

  test.each([
    ['bounded by time alone', false],
    ['with reports', true],
  ])(
    '%s: no answer is too old, and none is older than what this server has written or was told of',
    async (_, reports) => {
      hits = 0
      const property = fc.asyncProperty(
        fc.scheduler(),
        fatesWith(UNKNOWN_OUTCOMES),
        plan,
        async (scheduler, fates, plan) => {
          const network = new Network(scheduler, fates)
          await runAll(scheduler, network, [new Node(network, reports), new Node(network, reports)], plan)
        },
      )
      await fc.assert(property, { numRuns, seed })
      expect(hits).toBeGreaterThan(numRuns / 4)
    },
    numRuns * 100,
  )
})
