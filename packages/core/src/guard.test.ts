import { getEventListeners } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError, SessionTooLargeError, StoreUnavailableError } from './errors.js'
import type { GuardOptions } from './call-guard.js'
import { guard } from './guard.js'
import type { CallOptions, ListsKeys, ReportsChanges, SessionRecord, SessionStore } from './store.js'

const record: SessionRecord = { data: '{}', revision: 1, tag: 'abcdefgh', expiresAt: 9e12 }
const KEY = 'the-key'

interface Call {
  readonly name: string
  resolve(value?: unknown): void
  reject(error: unknown): void
}

/** A store whose calls end when the test says so. */
function heldStore() {
  const calls: Call[] = []
  const hold = <T>(name: string): Promise<T> =>
    new Promise<T>((resolve, reject) => calls.push({ name, resolve: resolve as Call['resolve'], reject }))
  const store = {
    name: 'held',
    read: () => hold('read'),
    write: () => hold('write'),
    touch: () => hold('touch'),
    close: () => hold('close'),
  } satisfies SessionStore
  return { store, calls, last: () => calls.at(-1) as Call }
}

const guarded = (options?: GuardOptions) => {
  const held = heldStore()
  return { ...held, store: guard(held.store, options) }
}
const read = (store: SessionStore, options?: CallOptions) => store.read(KEY, options)
const write = (store: SessionStore) => store.write(KEY, record, 'newer')
const refusal = async (call: Promise<unknown>): Promise<StoreUnavailableError> => {
  const error: unknown = await call.then(
    () => 'answered',
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StoreUnavailableError)
  expect(String(error)).not.toContain(KEY)
  return error as StoreUnavailableError
}

describe('guard', () => {
  const heard: unknown[] = []
  const listen = (event: unknown): void => void heard.push(event)

  beforeEach(() => {
    heard.length = 0
    subscribe('holdfast:store', listen)
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setImmediate'] })
  })
  afterEach(() => {
    unsubscribe('holdfast:store', listen)
    vi.useRealTimers()
  })

  /** Three calls that nobody answers. */
  const open = async (store: SessionStore): Promise<void> => {
    const calls = [read(store), read(store), read(store)].map(refusal)
    await vi.advanceTimersByTimeAsync(251)
    await Promise.all(calls)
  }

  it('passes calls and answers on', async () => {
    const { store, last } = guarded()
    for (const [name, start, answer] of [
      ['read', () => read(store), record],
      ['write', () => write(store), { written: true }],
      ['touch', () => store.touch(KEY, record, 1), { written: false, current: undefined }],
    ] as const) {
      const call: Promise<unknown> = start()
      expect(last().name).toBe(name)
      last().resolve(answer)
      expect(await call).toBe(answer)
    }
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives up at its deadline, and does not know what became of a write', async () => {
    const { store } = guarded()
    const call = refusal(write(store))
    await vi.advanceTimersByTimeAsync(249)
    expect(heard).toEqual([])
    await vi.advanceTimersByTimeAsync(2)
    expect(await call).toMatchObject({ refused: false, message: 'held: no answer to a write within 250 ms.' })
    expect(heard).toEqual([{ type: 'timeout', store: 'held', operation: 'write' }])
  })

  it('gives up earlier when the caller has less time', async () => {
    const { store } = guarded()
    const call = refusal(read(store, { timeoutMs: 20 }))
    await vi.advanceTimersByTimeAsync(21)
    expect((await call).message).toContain('20 ms')
    const long = refusal(read(store, { timeoutMs: 9_000 }))
    await vi.advanceTimersByTimeAsync(251)
    expect((await long).message).toContain('250 ms')
  })

  it('takes an answer that came while the process was busy past the deadline', async () => {
    const { store, last } = guarded()
    const call = read(store)
    vi.advanceTimersByTime(250)
    last().resolve(record)
    await vi.advanceTimersByTimeAsync(1)
    expect(await call).toBe(record)
    expect(heard).toEqual([])
  })

  it('waits for an answer that needs three turns of the event loop, each as long as the deadline', async () => {
    vi.useRealTimers()
    const { store, last } = guarded({ deadlineMs: 40 })
    const call = read(store)
    for (let turn = 0; turn < 3; turn++) {
      const endsAt = performance.now() + 60
      while (performance.now() < endsAt);
      await new Promise((resolve) => setImmediate(resolve))
    }
    last().resolve(record)
    expect(await call).toBe(record)
    expect(heard).toEqual([])
  })

  it('ignores an answer that comes after its time, and counts it', async () => {
    const { store, last } = guarded()
    const call = refusal(read(store))
    await vi.advanceTimersByTimeAsync(251)
    await call
    last().resolve(record)
    await vi.advanceTimersByTimeAsync(0)
    expect(heard.slice(1)).toEqual([{ type: 'late-reply', store: 'held', operation: 'read' }])
  })

  it('lets no late error escape', async () => {
    const { store, last } = guarded()
    const call = refusal(read(store))
    await vi.advanceTimersByTimeAsync(251)
    await call
    last().reject(new Error('connection closed'))
    await vi.advanceTimersByTimeAsync(0)
    expect(heard).toHaveLength(1)
  })

  it('gives up when the caller aborts, which says nothing about the store', async () => {
    const { store, calls } = guarded({ failures: 1 })
    const controller = new AbortController()
    const call = refusal(read(store, { signal: controller.signal }))
    controller.abort(new Error('client gone'))
    expect(await call).toMatchObject({ refused: false, cause: { message: 'client gone' } })
    expect(await refusal(read(store, { signal: controller.signal }))).toMatchObject({ refused: true })
    expect(calls).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
    void read(store).catch(() => undefined)
    expect(calls).toHaveLength(2)
  })

  it('leaves nothing behind on a signal that lives longer than the call', async () => {
    const { store, last } = guarded()
    const { signal } = new AbortController()
    const call = read(store, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    last().resolve(record)
    await call
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('does not keep the process alive for a call that nobody answers', () => {
    vi.useRealTimers()
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    void read(guarded().store).catch(() => undefined)
    expect(timers()).toBe(before)
  })

  it('names store and operation of a failure, with its cause', async () => {
    const { store, last } = guarded()
    const call = refusal(write(store))
    const cause = new Error(`READONLY ${KEY}`)
    last().reject(cause)
    expect(await call).toMatchObject({ message: 'held: the write failed.', cause, refused: false })
    const own = refusal(read(store))
    const unavailable = new StoreUnavailableError('held: down')
    last().reject(unavailable)
    expect(await own).toBe(unavailable)
  })

  it('lets other errors of Holdfast pass: a session that is too large is no outage', async () => {
    const { store, last, calls } = guarded({ failures: 1 })
    const call = write(store)
    const error = new SessionTooLargeError(9, 8)
    last().reject(error)
    await expect(call).rejects.toBe(error)
    void read(store).catch(() => undefined)
    expect(calls).toHaveLength(2)
  })

  it('survives a store that throws at once', async () => {
    const broken = { ...heldStore().store, read: () => { throw new Error('no client') } } // prettier-ignore
    const error = await refusal(read(guard(broken)))
    expect(error.message).toBe('held: the read failed.')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refuses at once after three failures in a row', async () => {
    const { store, calls } = guarded()
    await open(store)
    expect(await refusal(write(store))).toMatchObject({ refused: true })
    expect(await refusal(read(store))).toMatchObject({ refused: true })
    expect(calls).toHaveLength(3)
    expect(heard.at(-1)).toEqual({ type: 'breaker-opened', store: 'held' })
  })

  it('counts only failures in a row', async () => {
    const { store, last, calls } = guarded()
    for (let n = 0; n < 6; n++) {
      const call = read(store).catch(() => undefined)
      if (n % 3 === 2) last().resolve(undefined)
      else last().reject(new Error('flaky'))
      await call
    }
    void read(store).catch(() => undefined)
    expect(calls).toHaveLength(7)
  })

  it('probes with the next read, one at a time, and goes on when it is answered', async () => {
    const { store, calls, last } = guarded()
    await open(store)
    await vi.advanceTimersByTimeAsync(500)
    const probe = read(store)
    expect(await refusal(read(store))).toMatchObject({ refused: true })
    expect(calls).toHaveLength(4)
    last().resolve(record)
    expect(await probe).toBe(record)
    expect(heard.at(-1)).toEqual({ type: 'breaker-closed', store: 'held' })
    void write(store).catch(() => undefined)
    expect(last().name).toBe('write')
  })

  it('reads before a write when only writes come, so that no probe has an unknown outcome', async () => {
    const { store, calls, last } = guarded()
    await open(store)
    await vi.advanceTimersByTimeAsync(500)
    const call = write(store)
    expect(last().name).toBe('read')
    last().resolve(undefined)
    await vi.advanceTimersByTimeAsync(0)
    expect(calls.map(({ name }) => name)).toEqual(['read', 'read', 'read', 'read', 'write'])
    last().resolve({ written: true })
    expect(await call).toEqual({ written: true })
  })

  it('refuses the write when the read before it fails, and waits for the next probe', async () => {
    const { store, calls, last } = guarded()
    await open(store)
    await vi.advanceTimersByTimeAsync(500)
    const call = refusal(write(store))
    last().reject(new Error('still down'))
    expect(await call).toMatchObject({ refused: true })
    expect(await refusal(read(store))).toMatchObject({ refused: true })
    expect(calls).toHaveLength(4)
    await vi.advanceTimersByTimeAsync(500)
    void read(store).catch(() => undefined)
    expect(calls).toHaveLength(5)
  })

  it('holds read and write together to one deadline', async () => {
    const { store, last } = guarded()
    await open(store)
    await vi.advanceTimersByTimeAsync(500)
    const call = refusal(write(store))
    await vi.advanceTimersByTimeAsync(200)
    last().resolve(undefined)
    await vi.advanceTimersByTimeAsync(51)
    expect(await call).toMatchObject({ refused: false })
  })

  it('probes again after a probe whose caller gave up', async () => {
    const { store, calls } = guarded()
    await open(store)
    await vi.advanceTimersByTimeAsync(500)
    const controller = new AbortController()
    const probe = refusal(read(store, { signal: controller.signal }))
    controller.abort()
    await probe
    await vi.advanceTimersByTimeAsync(500)
    void read(store).catch(() => undefined)
    expect(calls).toHaveLength(5)
  })

  it('refuses more calls than may be in flight, and forgets those that it gave up', async () => {
    const { store, calls, last } = guarded({ maxInFlight: 2, failures: 99 })
    const first = [refusal(read(store)), refusal(read(store))]
    expect(await refusal(read(store))).toMatchObject({ refused: true })
    await vi.advanceTimersByTimeAsync(251)
    await Promise.all(first)
    const next = read(store)
    expect(calls).toHaveLength(3)
    last().resolve(record)
    expect(await next).toBe(record)
  })

  it('keeps what else the store can do', async () => {
    const more = {
      ...heldStore().store,
      keys: async function* () { yield KEY }, // prettier-ignore
      onChange: (listener: (key: string | undefined) => void) => { listener(KEY); return () => undefined }, // prettier-ignore
    } satisfies SessionStore & ListsKeys & ReportsChanges
    const store = guard(more) as SessionStore & ListsKeys & ReportsChanges
    const keys: unknown[] = []
    for await (const key of store.keys()) keys.push(key)
    store.onChange((key) => keys.push(key))
    expect(keys).toEqual([KEY, KEY])
    expect('keys' in guard(heldStore().store)).toBe(false)
  })

  it('returns a store that bounds its calls itself as it is', () => {
    const own = { ...heldStore().store, guarded: true }
    expect(guard(own)).toBe(own)
    const once = guard(heldStore().store)
    expect(guard(once)).toBe(once)
  })

  it('names an option that makes no sense', () => {
    for (const options of [{ deadlineMs: 0 }, { maxInFlight: -1 }, { failures: NaN }])
      expect(() => guard(heldStore().store, options)).toThrow(ConfigError)
    expect(() => guard(heldStore().store, { deadlineMs: 0 })).toThrow('guard: deadlineMs is 0')
  })
})
