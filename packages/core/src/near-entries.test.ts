import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isStoreUnavailable, StoreUnavailableError } from './errors.js'
import { nearCache, type NearCacheOptions } from './near-cache.js'
import {
  type ReportsChanges,
  type SessionRecord,
  type SessionStore,
  TOMBSTONE_REVISION,
  type WriteOutcome,
} from './store.js'

const KEY = 'the-key'
const START = 1_000_000
const EXPIRES_AT = START + 60_000
const record = (fields: Partial<SessionRecord> = {}): SessionRecord => ({
  data: '{"n":1}',
  revision: 1,
  tag: 'tag1tag1',
  expiresAt: EXPIRES_AT,
  ...fields,
})
const tombstone = record({ data: null, revision: TOMBSTONE_REVISION })
const second = record({ data: '{"n":2}', revision: 2, tag: 'tag2tag2' })

interface Call {
  readonly name: 'read' | 'write' | 'touch'
  answer(value?: SessionRecord | WriteOutcome): Promise<void>
  fail(): Promise<void>
}

/** Lets what was settled be noticed. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

/** A near cache over a store whose calls end when the test says so. */
function setUp(options: Partial<NearCacheOptions> = {}) {
  const calls: Call[] = []
  const hold = <T>(name: Call['name']): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const end = (settle: () => void) => async () => (settle(), settled())
      calls.push({
        name,
        answer: async (value) => end(() => resolve(value as T))(),
        fail: end(() => reject(new StoreUnavailableError('held: no answer.'))),
      })
    })
  const listeners = new Set<(key: string | undefined) => void>()
  const store: SessionStore & ReportsChanges = {
    name: 'held',
    guarded: true,
    read: () => hold('read'),
    write: () => hold('write'),
    touch: () => hold('touch'),
    close: async () => {},
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  let now = START
  const cache = nearCache(store, { maxStaleMs: 500, clock: () => now, ...options })
  const last = (): Call => calls.at(-1) ?? expect.fail('the store was not asked')
  return {
    ...{ cache, calls, listeners, last },
    report: (key: string | undefined) => listeners.forEach((listener) => listener(key)),
    pass: (ms: number) => {
      now += ms
      vi.advanceTimersByTime(ms)
    },
    /** A read that is answered by the store. */
    async put(value: SessionRecord | undefined, key = KEY) {
      const read = cache.read(key, { fresh: true })
      await last().answer(value)
      expect(await read).toBe(value)
    },
    /** What a read is answered without the store; 'asks' when it is not. */
    async near(key = KEY): Promise<SessionRecord | undefined | 'asks'> {
      const before = calls.length
      const read = cache.read(key)
      if (calls.length === before) return read
      read.catch(() => undefined)
      await last().fail()
      return 'asks'
    },
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

describe('what was read', () => {
  test('is answered again until maxStaleMs has gone by, and then asked for', async () => {
    const { put, near, pass } = setUp()
    await put(record())
    pass(500)
    expect(await near()).toEqual(record())
    pass(1)
    expect(await near()).toBe('asks')
  })

  test('gets old from when its read was sent, not from when it was answered', async () => {
    const { cache, last, near, pass } = setUp()
    const read = cache.read(KEY)
    pass(400)
    await last().answer(record())
    await read
    pass(100)
    expect(await near()).toEqual(record())
    pass(1)
    expect(await near()).toBe('asks')
  })

  test('is not answered past its deadline', async () => {
    const { put, near, pass } = setUp()
    await put(record({ expiresAt: START + 100 }))
    pass(99)
    expect(await near()).toEqual(record({ expiresAt: START + 100 }))
    pass(1)
    expect(await near()).toBe('asks')
  })

  test.each([
    ['absent', undefined],
    ['a tombstone', tombstone],
    ['expired', record({ expiresAt: START })],
  ])('and is %s is asked for each time, and what was known before is gone', async (_, over) => {
    const { put, near } = setUp()
    await put(record())
    await put(over)
    expect(await near()).toBe('asks')
  })

  test('a fresh read goes past, and what it brings is answered from then on', async () => {
    const { put, near, pass } = setUp()
    await put(record())
    pass(400)
    await put(second)
    pass(400)
    expect(await near()).toBe(second)
  })

  test('a read that fails leaves what is known', async () => {
    const { cache, last, put, near } = setUp()
    await put(record())
    const failed = expect(cache.read(KEY, { fresh: true })).rejects.toSatisfy(isStoreUnavailable)
    await last().fail()
    await failed
    expect(await near()).toEqual(record())
  })

  test('a call that was aborted before it began is not answered from here', async () => {
    const { cache, calls, put } = setUp()
    await put(record())
    void cache.read(KEY, { signal: AbortSignal.abort() })
    expect(calls).toHaveLength(2)
  })

  test('over maxSessions the least recently used goes', async () => {
    const { put, near } = setUp({ maxSessions: 2 })
    await put(record(), 'a')
    await put(record(), 'b')
    await near('a')
    await put(record(), 'c')
    expect(await near('a')).toEqual(record())
    expect(await near('b')).toBe('asks')
    expect(await near('c')).toEqual(record())
  })
})

describe('what this process writes', () => {
  test('is answered at once, as of when it was sent', async () => {
    const { cache, last, put, near, pass } = setUp()
    await put(record())
    const write = cache.write(KEY, second, { replaces: record() })
    pass(400)
    await last().answer({ written: true })
    await write
    pass(100)
    expect(await near()).toEqual(second)
    pass(1)
    expect(await near()).toBe('asks')
  })

  test('is answered without the token of what was read elsewhere', async () => {
    const { cache, last, near } = setUp()
    void cache.write(KEY, { ...second, token: 'of another store' }, 'newer')
    await last().answer({ written: true })
    expect(await near()).toStrictEqual(second)
  })

  test('destroys what is known', async () => {
    const { cache, last, put, near } = setUp()
    await put(record())
    void cache.write(KEY, tombstone, 'newer')
    await last().answer({ written: true })
    expect(await near()).toBe('asks')
  })

  test('a touch moves the deadline of what is known, whatever data its caller has', async () => {
    const { cache, last, put, near } = setUp()
    await put(record())
    void cache.touch(KEY, record({ data: 'stale' }), EXPIRES_AT + 1)
    await last().answer({ written: true })
    expect(await near()).toEqual(record({ expiresAt: EXPIRES_AT + 1 }))
  })

  test('a touch of a write that is not known here leaves nothing known', async () => {
    const { cache, last, put, near } = setUp()
    await put(record())
    void cache.touch(KEY, second, EXPIRES_AT + 1)
    await last().answer({ written: true })
    expect(await near()).toBe('asks')
  })

  test.each(['write', 'touch'] as const)('where a %s met something else, that is known now', async (op) => {
    const { cache, last, put, near, pass } = setUp()
    await put(record())
    pass(300)
    void (op === 'write'
      ? cache.write(KEY, second, { replaces: record() })
      : cache.touch(KEY, record(), EXPIRES_AT + 1))
    const current = record({ revision: 7, tag: 'theirs_7' })
    await last().answer({ written: false, current })
    pass(500)
    expect(await near()).toBe(current)
  })

  test.each([undefined, tombstone])('where it met %o, nothing is known', async (current) => {
    const { cache, last, put, near } = setUp()
    await put(record())
    void cache.write(KEY, second, { replaces: record() })
    await last().answer({ written: false, current })
    expect(await near()).toBe('asks')
  })

  test.each(['write', 'touch'] as const)('of a %s whose outcome is unknown, nothing is known', async (op) => {
    const { cache, last, put, near } = setUp()
    await put(record())
    const call =
      op === 'write' ? cache.write(KEY, second, { replaces: record() }) : cache.touch(KEY, record(), EXPIRES_AT + 1)
    const failed = expect(call).rejects.toSatisfy(isStoreUnavailable)
    await last().fail()
    await failed
    expect(await near()).toBe('asks')
  })
})

describe('a read under way', () => {
  const endsOf = {
    'is written': { written: true },
    'is not written': { written: false, current: second },
  } as const

  test.each(Object.entries(endsOf))('when the key %s here is not kept', async (_, outcome) => {
    const { cache, calls, last, near } = setUp()
    const read = cache.read(KEY)
    void cache.write(KEY, second, { replaces: record() })
    await last().answer(outcome)
    await calls[0]?.answer(record())
    expect(await read).toEqual(record())
    expect(await near()).toEqual(second)
  })

  test('that began after a write, but before its answer, is not kept either', async () => {
    const { cache, calls, last, near } = setUp()
    void cache.write(KEY, second, { replaces: record() })
    void cache.read(KEY)
    await calls[0]?.answer({ written: true })
    await last().answer(record())
    expect(await near()).toEqual(second)
  })

  test('when a write of the key fails here is not kept', async () => {
    const { cache, calls, last, near } = setUp()
    void cache.read(KEY)
    cache.write(KEY, second, { replaces: record() }).catch(() => undefined)
    await last().fail()
    await calls[0]?.answer(record())
    expect(await near()).toBe('asks')
  })

  test('when the key is touched here is not kept', async () => {
    const { cache, calls, last, put, near } = setUp()
    await put(record())
    void cache.read(KEY, { fresh: true })
    void cache.touch(KEY, record(), EXPIRES_AT + 1)
    await last().answer({ written: true })
    await calls[1]?.answer(record())
    expect(await near()).toEqual(record({ expiresAt: EXPIRES_AT + 1 }))
  })

  test.each([KEY, undefined])('when a change of %o is reported is not kept', async (reported) => {
    const { cache, last, report, near } = setUp()
    void cache.read(KEY)
    report(reported)
    await last().answer(record())
    expect(await near()).toBe('asks')
  })

  test('of another key is kept', async () => {
    const { cache, last, report, near } = setUp()
    void cache.read(KEY)
    report('another')
    await last().answer(record())
    expect(await near()).toEqual(record())
  })

  test('that is answered after one that began later is not kept; the other way round both are', async () => {
    const { cache, calls, near } = setUp()
    const ends = [record(), second].map((_, at) => ({ read: cache.read(KEY), at }))
    await calls[1]?.answer(second)
    await calls[0]?.answer(record())
    await Promise.all(ends.map(({ read }) => read))
    expect(await near()).toBe(second)

    void cache.read(KEY, { fresh: true })
    void cache.read(KEY, { fresh: true })
    const [earlier, later] = calls.slice(-2)
    await earlier?.answer(record())
    await later?.answer(second)
    expect(await near()).toBe(second)
  })

  test('that began after the tombstone was seen is asked for, though an older one is answered later', async () => {
    const { cache, calls, near } = setUp()
    void cache.read(KEY)
    void cache.read(KEY)
    await calls[1]?.answer(tombstone)
    await calls[0]?.answer(record())
    expect(await near()).toBe('asks')
  })
})

describe('writes whose answers overtake each other', () => {
  test('leave nothing known: which of them stands there is', async () => {
    const { cache, calls, near } = setUp()
    void cache.write(KEY, record(), 'absent')
    void cache.write(KEY, second, { replaces: record() })
    await calls[1]?.answer({ written: true })
    await calls[0]?.answer({ written: true })
    expect(await near()).toBe('asks')
  })

  test('and a report between a write and its answer too', async () => {
    const { cache, last, report, near } = setUp()
    void cache.write(KEY, second, { replaces: record() })
    report(KEY)
    await last().answer({ written: true })
    expect(await near()).toBe('asks')
  })
})

describe('changes that the store reports', () => {
  test('end what is known of a key', async () => {
    const { put, near, report } = setUp()
    await put(record(), 'a')
    await put(record(), 'b')
    report('a')
    expect(await near('a')).toBe('asks')
    expect(await near('b')).toEqual(record())
  })

  test('of anything end all that is known', async () => {
    const { put, near, report } = setUp()
    await put(record(), 'a')
    await put(record(), 'b')
    report(undefined)
    expect([await near('a'), await near('b')]).toEqual(['asks', 'asks'])
  })

  test('are listened to once, and no more after release() or close()', async () => {
    const { cache, listeners } = setUp()
    expect(listeners.size).toBe(1)
    cache.release()
    expect(listeners.size).toBe(0)
    await cache.close()
    expect(listeners.size).toBe(0)
  })
})

describe('the end', () => {
  test.each(['close', 'release'] as const)('%s() forgets all, what is under way too', async (end) => {
    const { cache, last, put, near } = setUp()
    await put(record())
    void cache.read(KEY, { fresh: true })
    await cache[end]()
    await last().answer(record())
    expect(await near()).toBe('asks')
  })
})
