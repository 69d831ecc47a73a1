import { createHash, randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { type SessionRecord, type SessionStore, StoreUnavailableError, type WriteOutcome } from '@holdfast/core'
import type { PeerStatus } from '@holdfast/peer'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'
import type { SharedStore, StoreUnderTest } from './stores.js'

export interface PeerTask {
  readonly names: readonly string[]
  readonly secret: string
  /** The time that all nodes go by, in ms since the epoch; 0: the real one. */
  readonly now: Float64Array
}

export interface PeerCall {
  readonly id: number
  /** Its place among the names. */
  readonly node: number
  readonly op: 'read' | 'write' | 'touch' | 'status' | 'close'
  readonly args: readonly unknown[]
}

interface PeerAnswer {
  readonly id: number
  readonly answer?: unknown
  readonly failure?: { readonly message: string; readonly refused: boolean }
}

const SECRET = 'a secret of thirty-two bytes or more for peers'
/** A thread does not take the loader of its process. */
const ENTRY = `import('tsx/esm/api').then(({ register }) => {
  register()
  return import(${JSON.stringify(new URL('./peer-worker.ts', import.meta.url).href)})
})`

const now = new Float64Array(new SharedArrayBuffer(8))
const NODES = [0, 1, 2]
let thread: PeerThread

/** Three nodes in a thread, which the app servers of the tests work with in turn. */
export const peers: StoreUnderTest = {
  name: 'peer',
  pace: 'ms',
  reportsChanges: false,
  async start() {
    const names = await Promise.all(NODES.map(async () => `127.0.0.1:${await freePort()}`))
    thread = new PeerThread({ names, secret: SECRET, now })
    await until('all peers have their share', async () => {
      const statuses = await Promise.all(NODES.map((node) => thread.ask<PeerStatus>(node, 'status')))
      return statuses.every(({ isSettled, peers: others }) => isSettled && others.every(({ hasLease }) => hasLease))
    })
  },
  stop: () => thread.stop(),
  open: async (clock) => sharedBy(clock),
}

function sharedBy(clock: () => number): SharedStore {
  const space = randomUUID()
  let next = 0
  return {
    connect: () => thread.store(next++ % NODES.length, space, clock),
    close: async () => void (now[0] = 0),
  }
}

class PeerThread {
  readonly #worker: Worker
  readonly #waiting = new Map<number, (answer: PeerAnswer) => void>()
  #calls = 0

  constructor(task: PeerTask) {
    const execArgv = ['--conditions=@holdfast/source']
    this.#worker = new Worker(ENTRY, { eval: true, workerData: task, execArgv })
    this.#worker.on('message', (answer: PeerAnswer) => this.#waiting.get(answer.id)?.(answer))
  }

  /** Under keys that no other test has. */
  store(node: number, space: string, clock: () => number): SessionStore {
    const keyOf = (key: string): string => createHash('sha256').update(`${space} ${key}`).digest('base64url')
    const call = <T>(op: PeerCall['op'], key: string, ...args: unknown[]): Promise<T> => {
      now[0] = clock()
      return this.ask<T>(node, op, keyOf(key), ...args)
    }
    return {
      name: 'peer',
      guarded: true,
      read: (key, options) => call<SessionRecord | undefined>('read', key, timeOf(options)),
      write: (key, record, condition, options) => call<WriteOutcome>('write', key, record, condition, timeOf(options)),
      touch: (key, record, expiresAt, options) => call<WriteOutcome>('touch', key, record, expiresAt, timeOf(options)),
      close: async () => undefined,
    }
  }

  async ask<T>(node: number, op: PeerCall['op'], ...args: unknown[]): Promise<T> {
    const id = this.#calls++
    const { answer, failure } = await new Promise<PeerAnswer>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#worker.postMessage({ id, node, op, args } satisfies PeerCall)
    })
    this.#waiting.delete(id)
    if (failure) throw new StoreUnavailableError(failure.message, { refused: failure.refused })
    return answer as T
  }

  async stop(): Promise<void> {
    await Promise.all(NODES.map((node) => this.ask(node, 'close')))
    await this.#worker.terminate()
  }
}

const timeOf = (options: { readonly timeoutMs?: number | undefined } | undefined) => ({ timeoutMs: options?.timeoutMs })
