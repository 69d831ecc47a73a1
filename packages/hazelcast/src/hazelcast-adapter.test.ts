import { afterEach, describe, expect, test } from 'vitest'
import type { SessionStore } from '@holdfast/core'
import { hazelcast } from './hazelcast-adapter.js'
import { hazelcastStore, type HazelcastStoreOptions } from './hazelcast-store.js'

const opened: SessionStore[] = []
const open = (url: string) =>
  opened.push(hazelcast.open(url, { clock: Date.now, idleMs: 1, absoluteMs: 1 }) as SessionStore)
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const HELP = "Write 'hazelcast://10.0.0.5:5701,10.0.0.6,10.0.0.7/sessions?cluster=dev'."

describe('hazelcast: as a URL', () => {
  test.each([
    'hazelcast://127.0.0.1:1',
    'hazelcast://127.0.0.1:1,127.0.0.1:2/sessions',
    'HAZELCAST://[::1]:1/my-map?cluster=shop&deadline=100',
  ])('%s is opened without waiting for the cluster', (url) => {
    open(url)
    expect(opened[0]?.name).toBe('hazelcast')
  })

  test.each([
    ['hazelcast:', `store: "hazelcast:" is not understood. The open-source edition has no users. ${HELP}`],
    [
      'hazelcast://a/b/c',
      `store: "hazelcast://a/b/c" is not understood. The open-source edition has no users. ${HELP}`,
    ],
    [
      'hazelcast://user:secret@a/b',
      `store: "hazelcast://***@a/b" is not understood. The open-source edition has no users. ${HELP}`,
    ],
    ['hazelcast://a,:5701', `store: the member ":5701" of 'hazelcast:' is no host:port. ${HELP}`],
    ['hazelcast://a:70000', `store: the member "a:70000" of 'hazelcast:' is no host:port. ${HELP}`],
    ['hazelcast://a/b?copies=2', `store: 'hazelcast:' has no option "copies". It has cluster and deadline.`],
    ['hazelcast://a/b?cluster=', `store: 'hazelcast:' has no option "cluster". It has cluster and deadline.`],
    ['hazelcast://a/b?deadline=1s', `store: deadline of 'hazelcast:' is "1s". Use whole ms, such as 250.`],
    ['hazelcast://a/b%20c', `hazelcastStore: map is "b%20c". Use 1 to 100 letters, digits, '_', '.', '-'.`],
  ])('%s is refused and says what to do', (url, message) => {
    expect(() => open(url)).toThrow(expect.objectContaining({ code: 'CONFIG', message }))
  })
})

describe('hazelcastStore', () => {
  test.each([undefined, null, {}, 'hazelcast://a'])('refuses %o as a client', (client) => {
    const options = { client } as unknown as HazelcastStoreOptions
    expect(() => hazelcastStore(options)).toThrow('hazelcastStore: client is no client of hazelcast-client.')
  })
})
