import assert from 'node:assert/strict'
import { isSessionTooLarge, TOMBSTONE_REVISION } from '@holdfast/core'
import { createKey, createRecord, createSuccessor } from '../fixtures.js'
import { assertHolds, assertWritten, put, putAndRead, type CaseGroup } from '../conformance-case.js'

/**
 * Text that stores are known to change. Lone surrogates are not among it: UTF-8 cannot carry them, and `JSON.stringify`
 * writes them as escapes, so that core never sends one.
 */
const TEXTS: Readonly<Record<string, string>> = {
  'empty text': '',
  'text that looks like a number': '0123',
  'the word null': 'null',
  'line breaks': '{"a":1}\n{"b":2}\r\n\n',
  'NUL and control characters': 'a\u0000b\u0001\u001f\u007f',
  'spaces at both ends': '  \t x \t ',
  'quotes and backslashes': '"\'\\"\\\\`${}$&$\'',
  'letters of many scripts': 'ÿ é ß Ω ж ع 中 한 ก',
  'characters outside the basic plane': '👩‍👩‍👧‍👦 𝒳 🇺🇳',
  'line separators and a byte order mark': '\uFEFF\u2028\u2029\u00A0',
  'names of Object.prototype': '{"__proto__":{"a":1},"constructor":{"prototype":{}},"toJSON":1}',
  '64 KiB of ASCII': 'x'.repeat(65_536),
  '64 KiB of three-byte characters': '中'.repeat(21_845),
}

/** All match KEY_PATTERN. The names are there because an object used as a map already has them. */
const KEYS = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', '-', '_', '0', '--help', 'a'.repeat(64)]

export const valueCases: CaseGroup = {
  title: 'records and keys',
  cases: [
    {
      name: 'a key that was never written is absent',
      run: ({ store }) => assertHolds(store, createKey(), undefined),
    },
    ...Object.entries(TEXTS).map(([what, data]) => ({
      name: `keeps ${what} as it is`,
      run: async ({ store }: { store: Parameters<typeof put>[0] }) => {
        const [key, record] = [createKey(), createRecord({ data })]
        const read = await putAndRead(store, key, record)
        // Not deepEqual: its message would print 64 KiB.
        assert.ok(read.data === data, `read back ${read.data?.length} characters, written ${data.length}`)
        await assertWritten(store.touch(key, read, read.expiresAt + 1_000))
        assert.ok((await store.read(key))?.data === data, 'changed by touch')
      },
    })),
    {
      name: 'keeps revision, tag and deadline to the last digit',
      run: async ({ store, now }) => {
        for (const revision of [1, 999_999_999, TOMBSTONE_REVISION - 1]) {
          const [key, record] = [createKey(), createRecord({ revision, tag: '-_aZ09__', expiresAt: now() + 1_234_567 })]
          await put(store, key, record)
          await assertHolds(store, key, record)
        }
      },
    },
    {
      name: 'takes every key of the pattern, also names that JavaScript objects have',
      run: async ({ store, now }) => {
        for (const key of KEYS) {
          const before = await store.read(key)
          const record = createRecord({ revision: (before?.revision ?? 0) + 1, expiresAt: now() + 10_000, data: key })
          await assertWritten(store.write(key, record, before ? { replaces: before } : 'absent'))
          await assertHolds(store, key, record)
        }
      },
    },
    {
      name: 'tells keys apart by case and to the last character',
      run: async ({ store }) => {
        const stem = createKey()
        const keys = [`${stem}a`, `${stem}A`, `${stem}b`, stem]
        const records = keys.map((data) => createRecord({ data }))
        for (const [index, record] of records.entries()) await put(store, keys[index] ?? stem, record)
        for (const [index, record] of records.entries()) await assertHolds(store, keys[index] ?? stem, record)
      },
    },
    {
      name: "a token on the record to be written means nothing: it is another store's",
      run: async ({ store }) => {
        const [key, record] = [createKey(), createRecord()]
        await assertWritten(store.write(key, { ...record, token: 'foreign' }, 'absent'))
        const read = await store.read(key)
        assert.notEqual(read?.token, 'foreign')
        await assertHolds(store, key, record)
      },
    },
    {
      name: 'refuses a record that is too large with SessionTooLargeError, keeps what is there and goes on',
      needs: 'a limit of size',
      run: async ({ store, tooLargeText }) => {
        const key = createKey()
        const read = await putAndRead(store, key, createRecord())
        const large = createSuccessor(read, { data: tooLargeText() })
        await assert.rejects(store.write(key, large, { replaces: read }), isSessionTooLarge)
        await assert.rejects(store.write(key, large, 'newer'), isSessionTooLarge)
        await assert.rejects(store.write(createKey(), large, 'absent'), isSessionTooLarge)
        await assertHolds(store, key, read)
        await putAndRead(store, createKey(), createRecord())
      },
    },
    {
      name: 'its name is short and has no spaces',
      run: async ({ store }) => assert.match(store.name, /^\S{1,40}$/),
    },
  ],
}
