import { createKey, createRecord, createSuccessor, createTombstone } from '../fixtures.js'
import {
  assertHolds,
  assertNotWritten,
  assertWritten,
  put,
  putAndRead,
  type CaseGroup,
  type ConformanceCase,
} from '../conformance-case.js'

const SECOND_MS = 1_000
const DAY_MS = 86_400 * SECOND_MS
const SHORT_MS = 300

/**
 * Lifetimes where servers and timers are known to err: below a second, above 24.8 days (2^31 ms) and above 30 days, which
 * memcached takes for a date.
 */
const LIFETIMES: Readonly<Record<string, number>> = {
  '300 ms': SHORT_MS,
  '1.5 s': 1_500,
  '12 hours': DAY_MS / 2,
  '25 days': 25 * DAY_MS,
  '31 days': 31 * DAY_MS,
  '10 years': 3_653 * DAY_MS,
}

/** What must hold once a record is over, whatever it was. */
const afterItsEnd = (what: string, create: typeof createRecord): ConformanceCase[] => [
  {
    name: `${what} that is over is absent`,
    run: async ({ store, now, pass }) => {
      const key = createKey()
      await put(store, key, create({ expiresAt: now() + SHORT_MS }))
      await pass(SHORT_MS)
      await assertHolds(store, key, undefined)
    },
  },
  {
    name: `${what} that is over is absent for 'absent'`,
    run: async ({ store, now, pass }) => {
      const key = createKey()
      await put(store, key, create({ expiresAt: now() + SHORT_MS }))
      await pass(SHORT_MS)
      const next = createRecord({ expiresAt: now() + DAY_MS })
      await assertWritten(store.write(key, next, 'absent'))
      await assertHolds(store, key, next)
    },
  },
  {
    name: `${what} that is over is absent for 'newer'`,
    run: async ({ store, now, pass }) => {
      const key = createKey()
      await put(store, key, create({ expiresAt: now() + SHORT_MS, tag: 'zzzzzzzz' }))
      await pass(SHORT_MS)
      const older = createRecord({ revision: 1, tag: 'aaaaaaaa', expiresAt: now() + DAY_MS })
      await assertWritten(store.write(key, older, 'newer'))
      await assertHolds(store, key, older)
    },
  },
  {
    name: `${what} that is over is absent for { replaces } and for touch`,
    run: async ({ store, now, pass }) => {
      const key = createKey()
      const read = await putAndRead(store, key, create({ expiresAt: now() + SHORT_MS }))
      await pass(SHORT_MS)
      const next = createSuccessor(read, { expiresAt: now() + DAY_MS })
      await assertNotWritten(store.write(key, next, { replaces: read }), undefined)
      await assertNotWritten(store.touch(key, read, now() + DAY_MS), undefined)
      await assertHolds(store, key, undefined)
    },
  },
]

export const deadlineCases: CaseGroup = {
  title: 'deadlines',
  cases: [
    ...Object.entries(LIFETIMES).flatMap(([what, ms]): ConformanceCase[] => [
      {
        name: `a record for ${what} is there at once, with its deadline to the ms`,
        run: async ({ store, now }) => {
          const [key, record] = [createKey(), createRecord({ expiresAt: now() + ms })]
          await assertWritten(store.write(key, record, 'absent'))
          await assertHolds(store, key, record)
        },
      },
      {
        name: `a record for ${what} lives to its last ms and no longer`,
        needs: 'injected clock',
        run: async ({ store, now, pass }) => {
          const [key, record] = [createKey(), createRecord({ expiresAt: now() + ms })]
          await assertWritten(store.write(key, record, 'absent'))
          await pass(ms - 1)
          await assertHolds(store, key, record)
          await pass(1)
          await assertHolds(store, key, undefined)
        },
      },
      {
        name: `a touch to ${what} is kept to the ms`,
        run: async ({ store, now }) => {
          const key = createKey()
          const read = await putAndRead(store, key, createRecord({ expiresAt: now() + ms }))
          await assertWritten(store.touch(key, read, read.expiresAt + ms))
          await assertHolds(store, key, { ...read, expiresAt: read.expiresAt + ms })
        },
      },
    ]),
    ...afterItsEnd('a record', createRecord),
    ...afterItsEnd('a tombstone', createTombstone),
    {
      name: 'a touched record outlives its first deadline and ends at its second',
      run: async ({ store, now, pass }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord({ expiresAt: now() + SHORT_MS }))
        const later = read.expiresAt + 2 * SECOND_MS
        await assertWritten(store.touch(key, read, later))
        await pass(SHORT_MS)
        await assertHolds(store, key, { ...read, expiresAt: later })
        await pass(2 * SECOND_MS)
        await assertHolds(store, key, undefined)
      },
    },
    {
      name: 'a write may shorten the deadline',
      run: async ({ store, now, pass }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord({ expiresAt: now() + DAY_MS }))
        await assertWritten(
          store.write(key, createSuccessor(read, { expiresAt: now() + SHORT_MS }), { replaces: read }),
        )
        await pass(SHORT_MS)
        await assertHolds(store, key, undefined)
      },
    },
    {
      name: 'a record that is over when it is written is taken, ends what was there and is absent',
      run: async ({ store, now }) => {
        const key = createKey()
        await put(store, key, createRecord({ revision: 1 }))
        await assertWritten(store.write(key, createRecord({ revision: 2, expiresAt: now() - 1 }), 'newer'))
        await assertHolds(store, key, undefined)
        await assertWritten(store.write(createKey(), createRecord({ expiresAt: now() - DAY_MS }), 'absent'))
      },
    },
  ],
}
