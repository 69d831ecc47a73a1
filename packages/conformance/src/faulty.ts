import { listsKeys, reportsChanges, StoreUnavailableError, type SessionStore } from '@holdfast/core'

type Operation = 'read' | 'write' | 'touch'

type FaultKind =
  /** Rejects; the store is not asked. Default error: `StoreUnavailableError`. */
  | { readonly kind: 'throw'; readonly error?: Error }
  /** Asks the store after so many ms, or when the promise has resolved. */
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'delay'; readonly until: Promise<unknown> }
  /** Never answers, whatever the signal and the time-out say; the store is not asked. */
  | { readonly kind: 'hang' }
  /** The store does what it was asked to, then the call rejects: the caller cannot know. */
  | { readonly kind: 'lose-reply' }
  /** Rejects at once; the store is asked in `applyLate()`: the ghost of a write that was given up. */
  | { readonly kind: 'apply-later' }

export type Fault = FaultKind & {
  /** The calls it meets; default all. */
  readonly on?: Operation
  /** How many calls it meets before it is over; default all. */
  readonly times?: number
}

export interface FaultyCall {
  readonly operation: Operation
  readonly key: string
}

/** A store with faults. Nothing bounds its calls, so it is not `guarded`. */
export interface FaultyStore extends SessionStore {
  /** What happens to the calls from now on. A function decides for each call; `undefined`: nothing happens. */
  fault: Fault | ((call: FaultyCall) => Fault | undefined) | undefined
  /** Calls so far, those that failed included. Set a number back to 0 where that makes a test clearer. */
  readonly calls: Record<Operation, number>
  /** Now the store gets, in their order, the calls that `'apply-later'` kept. */
  applyLate(): Promise<void>
}

/** By the global timer, so that fake timers which hold the store's deadlines hold its delays too. */
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Wraps a real store and lets its calls fail as real servers do. `keys` and `onChange` are passed on without faults. */
export function faulty(store: SessionStore): FaultyStore {
  const late: (() => Promise<unknown>)[] = []
  const met = new WeakMap<Fault, number>()

  const faultOf = (call: FaultyCall): Fault | undefined => {
    const fault = typeof double.fault === 'function' ? double.fault(call) : double.fault
    if (!fault || (fault.on && fault.on !== call.operation)) return undefined
    const count = (met.get(fault) ?? 0) + 1
    met.set(fault, count)
    return count > (fault.times ?? Infinity) ? undefined : fault
  }

  const pass = async <T>(operation: Operation, key: string, ask: () => Promise<T>): Promise<T> => {
    double.calls[operation]++
    const fault = faultOf({ operation, key })
    const failure = () => new StoreUnavailableError(`${store.name}: ${operation} met the fault '${fault?.kind}'.`)
    switch (fault?.kind) {
      case undefined:
        return ask()
      case 'throw':
        throw fault.error ?? failure()
      case 'delay':
        await ('until' in fault ? fault.until : sleep(fault.ms))
        return ask()
      case 'hang':
        return new Promise<never>(() => {})
      case 'lose-reply':
        await ask()
        throw failure()
      case 'apply-later':
        late.push(ask)
        throw failure()
    }
  }

  const double: FaultyStore = {
    name: store.name,
    fault: undefined,
    calls: { read: 0, write: 0, touch: 0 },
    read: (key, options) => pass('read', key, () => store.read(key, options)),
    write: (key, record, condition, options) => pass('write', key, () => store.write(key, record, condition, options)),
    touch: (key, record, expiresAt, options) => pass('touch', key, () => store.touch(key, record, expiresAt, options)),
    close: () => store.close(),
    applyLate: async () => {
      for (const ask of late.splice(0)) await ask()
    },
    ...(listsKeys(store) && { keys: store.keys.bind(store) }),
    ...(reportsChanges(store) && { onChange: store.onChange.bind(store) }),
  }
  return double
}
