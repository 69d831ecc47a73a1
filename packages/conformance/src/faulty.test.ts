import { describe, expect, test } from 'vitest'
import { isStoreUnavailable, listsKeys, reportsChanges, type SessionStore } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { faulty } from './faulty.js'
import { createKey, createRecord, createSuccessor } from './fixtures.js'
import { storeConformance } from './store-conformance.js'

describe('a faulty store without a fault', () => {
  storeConformance({ describe, test, createStore: ({ clock }) => faulty(memoryStore({ clock })) })
})

const setUp = async () => {
  const inner = memoryStore()
  const [store, key, record] = [faulty(inner), createKey(), createRecord()]
  await inner.write(key, record, 'absent')
  return { inner, store, key, record, next: createSuccessor(record, { data: 'next' }) }
}

const settles = async (promise: Promise<unknown>) => {
  let settled = false
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  )
  await new Promise(setImmediate)
  return settled
}

describe('throw', () => {
  test('rejects every call with StoreUnavailableError until the fault is taken away', async () => {
    const { store, key, record, next } = await setUp()
    store.fault = { kind: 'throw' }
    const calls = [
      store.read(key),
      store.write(key, next, { replaces: record }),
      store.touch(key, record, record.expiresAt + 1),
    ]
    for (const call of calls) await expect(call).rejects.toSatisfy(isStoreUnavailable)
    store.fault = undefined
    expect(await store.read(key)).toEqual(record)
  })

  test('rejects with the given error', async () => {
    const { store, key } = await setUp()
    const error = new TypeError('boom')
    store.fault = { kind: 'throw', error }
    await expect(store.read(key)).rejects.toBe(error)
  })
})

test('delay asks the store only when its promise resolves, and then answers', async () => {
  const { inner, store, key, record, next } = await setUp()
  let open = () => {}
  store.fault = { kind: 'delay', until: new Promise<void>((resolve) => (open = resolve)) }
  const write = store.write(key, next, { replaces: record })
  expect(await settles(write)).toBe(false)
  expect(await inner.read(key)).toEqual(record)
  open()
  expect(await write).toEqual({ written: true })
})

test('delay by ms answers no sooner', async () => {
  const { store, key, record } = await setUp()
  store.fault = { kind: 'delay', ms: 30 }
  const startedAt = performance.now()
  expect(await store.read(key)).toEqual(record)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(29)
})

test('hang never answers, not even an aborted signal, and the store is not asked', async () => {
  const { inner, store, key, record, next } = await setUp()
  store.fault = { kind: 'hang' }
  expect(await settles(store.read(key, { signal: AbortSignal.abort(), timeoutMs: 0 }))).toBe(false)
  expect(await settles(store.write(key, next, { replaces: record }))).toBe(false)
  expect(await inner.read(key)).toEqual(record)
})

test('lose-reply: the write is done, the caller does not know', async () => {
  const { inner, store, key, record, next } = await setUp()
  store.fault = { kind: 'lose-reply' }
  await expect(store.write(key, next, { replaces: record })).rejects.toSatisfy(isStoreUnavailable)
  expect(await inner.read(key)).toEqual(next)
})

test('apply-later: the call rejects, and its ghost comes when the test says so, once', async () => {
  const { inner, store, key, record, next } = await setUp()
  store.fault = { kind: 'apply-later', on: 'write' }
  await expect(store.write(key, next, { replaces: record })).rejects.toSatisfy(isStoreUnavailable)
  expect(await inner.read(key)).toEqual(record)
  await store.applyLate()
  expect(await inner.read(key)).toEqual(next)
  const third = createSuccessor(next)
  await inner.write(key, third, { replaces: next })
  await store.applyLate()
  expect(await inner.read(key)).toEqual(third)
})

describe('which calls a fault meets', () => {
  test('only those of its operation', async () => {
    const { store, key, record } = await setUp()
    store.fault = { kind: 'throw', on: 'write' }
    expect(await store.read(key)).toEqual(record)
    await expect(store.write(key, record, 'newer')).rejects.toThrow(/write met the fault 'throw'/)
  })

  test('only so many', async () => {
    const { store, key, record } = await setUp()
    store.fault = { kind: 'throw', on: 'read', times: 2 }
    await expect(store.read(key)).rejects.toThrow()
    await expect(store.read(key)).rejects.toThrow()
    expect(await store.read(key)).toEqual(record)
  })

  test('those that a function picks', async () => {
    const { store, key, record } = await setUp()
    store.fault = (call) => (call.key === key && store.calls.read === 2 ? { kind: 'throw' } : undefined)
    expect(await store.read(key)).toEqual(record)
    await expect(store.read(key)).rejects.toThrow()
    expect(await store.read(key)).toEqual(record)
  })
})

test('counts its calls, those that fail included', async () => {
  const { store, key, record } = await setUp()
  await store.read(key)
  store.fault = { kind: 'throw' }
  await expect(store.read(key)).rejects.toThrow()
  await expect(store.touch(key, record, record.expiresAt + 1)).rejects.toThrow()
  expect(store.calls).toEqual({ read: 2, write: 0, touch: 1 })
})

test('has the name and the capabilities of its store, but is not guarded', async () => {
  const { inner, store } = await setUp()
  const plain: SessionStore = {
    name: 'plain',
    read: inner.read,
    write: inner.write,
    touch: inner.touch,
    close: inner.close,
  }
  const reporting = { ...plain, onChange: () => () => {} }
  expect([store.name, store.guarded, listsKeys(store), reportsChanges(store)]).toEqual([
    'memory',
    undefined,
    true,
    false,
  ])
  expect(listsKeys(faulty(plain))).toBe(false)
  expect(reportsChanges(faulty(reporting))).toBe(true)
})
