import { isTombstone, StoreUnavailableError, type CallOptions, type SessionRecord } from '@holdfast/core'
import { MapStore } from '../map-store.js'
import type { Flaw } from './flaw.js'

export const callFlaws: readonly Flaw[] = [
  {
    what: 'answers after close as if it were empty',
    failsIn: 'closing',
    Store: class extends MapStore {
      override async close(): Promise<void> {
        this.backend.records.clear()
      }
    },
  },
  {
    what: 'does not bear a second close',
    failsIn: 'closing',
    Store: class extends MapStore {
      override async close(): Promise<void> {
        if (this.closed) throw new Error('closed already')
        this.closed = true
      }
    },
  },
  {
    what: 'rejects with an error of its own',
    failsIn: 'signals and deadlines of calls',
    Store: class extends MapStore {
      override async admit(options?: CallOptions): Promise<void> {
        await super.admit(options).catch(() => Promise.reject(new Error('ECONNREFUSED')))
      }
    },
  },
  {
    what: 'ignores signals',
    failsIn: 'signals and deadlines of calls',
    Store: class extends MapStore {
      override admit = (options?: CallOptions) => super.admit({ ...options, signal: undefined })
    },
  },
  {
    what: 'leaves its listeners on the signal',
    failsIn: 'signals and deadlines of calls',
    Store: class extends MapStore {
      override async admit(options?: CallOptions): Promise<void> {
        options?.signal?.addEventListener('abort', () => {})
        await super.admit(options)
      }
    },
  },
  {
    what: 'lists no tombstones',
    failsIn: 'what only some stores can do',
    Store: class extends MapStore {
      override async *keys(options?: CallOptions) {
        for await (const key of super.keys(options)) if (!isTombstone(this.live(key))) yield key
      }
    },
  },
]

/** Found only where the server can be made to hang. */
export const hangFlaws: readonly Flaw[] = [
  {
    what: 'says absent when its server does not answer',
    failsIn: 'signals and deadlines of calls',
    Store: class extends MapStore {
      override async read(key: string, options?: CallOptions) {
        return super.read(key, options).catch(() => undefined)
      }
    },
  },
  {
    what: 'lets timeoutMs lengthen its deadline',
    failsIn: 'signals and deadlines of calls',
    Store: class extends MapStore {
      override async admit(options?: CallOptions): Promise<void> {
        const startedAt = Date.now()
        while (this.backend.hangs && options?.timeoutMs !== undefined && Date.now() - startedAt < 2_000) {
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        await super.admit(options)
      }
    },
  },
  {
    what: 'ignores a shorter timeoutMs',
    failsIn: 'signals and deadlines of calls',
    Store: class extends MapStore {
      override admit = (options?: CallOptions) => super.admit({ signal: options?.signal })
    },
  },
  {
    what: 'ignores a signal that aborts under way',
    failsIn: 'signals and deadlines of calls',
    Store: class extends MapStore {
      override async admit(options?: CallOptions): Promise<void> {
        if (options?.signal?.aborted) throw new StoreUnavailableError('map: aborted.')
        await super.admit({ timeoutMs: options?.timeoutMs })
      }
    },
  },
]

/** Found only where two stores share their data. */
export const sharingFlaws: readonly Flaw[] = [
  {
    what: 'answers from a cache of its own',
    failsIn: 'what only some stores can do',
    Store: class extends MapStore {
      readonly #cache = new Map<string, SessionRecord>()

      override async read(key: string, options?: CallOptions) {
        const record = this.#cache.get(key) ?? (await super.read(key, options))
        if (record) this.#cache.set(key, record)
        return record
      }
    },
  },
  {
    what: 'goes on reporting changes after it was stopped',
    failsIn: 'what only some stores can do',
    Store: class extends MapStore {
      override onChange(listener: (key: string | undefined) => void): () => void {
        super.onChange(listener)
        return () => {}
      }
    },
  },
  {
    what: 'takes the data along when it closes',
    failsIn: 'what only some stores can do',
    Store: class extends MapStore {
      override async close(): Promise<void> {
        this.closed = true
        this.backend.records.clear()
      }
    },
  },
]
