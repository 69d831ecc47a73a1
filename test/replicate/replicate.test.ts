import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createClock, createKey, createRecord, createSuccessor, createTombstone } from '@holdfast/conformance'
import { failover, isConfigError, isStoreUnavailable, replicate, type SessionRecord } from '@holdfast/core'
import { memoryStore } from '@holdfast/memory'
import { describe, expect, onTestFinished, test } from 'vitest'
import { down, startGroup, type Group } from './group.js'

const unavailable = expect.toSatisfy(isStoreUnavailable)

function storeEvents(): Record<string, unknown>[] {
  const events: Record<string, unknown>[] = []
  const listener = (event: unknown): void => void events.push(event as Record<string, unknown>)
  subscribe('holdfast:store', listener)
  onTestFinished(() => void unsubscribe('holdfast:store', listener))
  return events
}

async function written(group: Group, record = createRecord()): Promise<{ key: string; record: SessionRecord }> {
  const key = createKey()
  await group.join().write(key, record, 'absent')
  return { key, record }
}

/** Waits until both have written down when they were first seen. */
async function settled(group: Group): Promise<Group> {
  const store = group.join()
  await expect.poll(() => store.status().map(({ state }) => state)).not.toContain('unknown')
  return group
}

describe('what is there', () => {
  test('stands on both stores once it is acknowledged', async () => {
    const group = startGroup('failover')
    const { key, record } = await written(group)
    for (const name of ['primary', 'standby']) expect(await group.at(name).read(key)).toMatchObject(record)
  })

  test('is read while either store is away, and by a process that came later', async () => {
    const group = startGroup('failover')
    const { key, record } = await written(group)
    for (const name of ['primary', 'standby']) {
      group.at(name).fault = down
      expect(await group.join().read(key)).toMatchObject(record)
      group.at(name).fault = undefined
    }
  })

  test('a store that came back without its data gets it from the other when it is read', async () => {
    const events = storeEvents()
    const group = startGroup('failover')
    const { key, record } = await written(group)
    group.wipe('primary')
    expect(await group.join().read(key)).toMatchObject(record)
    expect(await group.at('primary').read(key)).toMatchObject(record)
    expect(events).toContainEqual({ type: 'repaired', store: 'primary' })
  })

  test('stays as it is on each store where it is a text that no store has written', async () => {
    const group = startGroup('failover')
    const key = createKey()
    const foreign = (data: string) => createRecord({ data, revision: 0, tag: '' })
    const texts = { primary: foreign('damaged'), standby: foreign('in another way') }
    for (const [name, record] of Object.entries(texts)) await group.at(name).write(key, record, 'absent')
    expect(['damaged', 'in another way']).toContain((await group.join().read(key))?.data)
    for (const [name, record] of Object.entries(texts)) expect(await group.at(name).read(key)).toMatchObject(record)
  })

  test('stands on two of three stores; when one of them is away, the third takes its place', async () => {
    const group = startGroup('replicate')
    const { key, record } = await written(group)
    const names = ['a', 'b', 'c']
    const held = await Promise.all(names.map((name) => group.at(name).read(key)))
    expect(held.filter(Boolean)).toHaveLength(2)
    const first = names.find((_, at) => held[at]) as string
    group.at(first).fault = down
    const next = createSuccessor(record)
    const base = (await group.join().read(key)) as SessionRecord
    expect(await group.join().write(key, next, { replaces: base })).toEqual({ written: true })
    const holders = names.filter((name) => name !== first)
    for (const name of holders) expect(await group.at(name).read(key)).toMatchObject(next)
  })
})

test('what is too large for the standby is read from the primary', async () => {
  const [primary, key] = [memoryStore(), createKey()]
  const store = failover(primary, memoryStore({ maxBytes: 2_000 }))
  onTestFinished(() => store.close())
  const record = createRecord({ data: JSON.stringify({ note: 'x'.repeat(4_000) }) })
  await primary.write(key, record, 'absent')
  expect(await store.read(key)).toMatchObject({ data: record.data })
})

describe('nothing there', () => {
  test('is believed when both say so, and when a store that has been there for long says so alone', async () => {
    const clock = createClock()
    const group = await settled(startGroup('failover', clock.now))
    expect(await group.join().read(createKey())).toBeUndefined()
    clock.advance(3_600_001)
    group.at('primary').fault = down
    expect(await group.join().read(createKey())).toBeUndefined()
  })

  test('is not believed of a store alone that lost its data within the idle time', async () => {
    const clock = createClock()
    const group = await settled(startGroup('failover', clock.now))
    clock.advance(3_600_001)
    group.wipe('standby')
    const { join } = await settled(group)
    group.at('primary').fault = down
    await expect(join().read(createKey())).rejects.toEqual(unavailable)
    clock.advance(3_599_000)
    await expect(join().read(createKey())).rejects.toEqual(unavailable)
    clock.advance(2_000)
    expect(await join().read(createKey())).toBeUndefined()
  })

  test('is not believed when the store that says so cannot tell how long it has been there', async () => {
    const group = startGroup('failover')
    const store = group.join()
    const key = createKey()
    group.at('primary').fault = down
    group.at('standby').fault = ({ key: asked }) => (asked === key ? undefined : down)
    await expect(store.read(key)).rejects.toEqual(unavailable)
  })
})

describe('a write', () => {
  test('is acknowledged by one store while the other is away, and says that it is degraded', async () => {
    const events = storeEvents()
    const group = startGroup('failover')
    group.at('primary').fault = down
    const { key, record } = await written(group)
    expect(events).toContainEqual({ type: 'degraded', store: 'failover', operation: 'write' })
    group.at('primary').fault = undefined
    expect(await group.join().read(key)).toMatchObject(record)
    expect(await group.at('primary').read(key)).toMatchObject(record)
  })

  test('that ends a session is brought to the store that missed it, though nobody asks for that session again', async () => {
    const group = startGroup('failover')
    const { key, record } = await written(group)
    const store = group.join()
    group.at('primary').fault = down
    const tombstone = createTombstone({ revision: record.revision + 1 })
    expect(await store.write(key, tombstone, 'newer')).toEqual({ written: true })
    group.at('primary').fault = undefined
    await store.read(createKey())
    await expect.poll(() => group.at('primary').read(key)).toMatchObject({ data: null })
    group.wipe('standby')
    expect(await group.join().read(key)).toMatchObject({ data: null })
  })

  test('is not acknowledged where only a spare store took it: who reaches the others would not find it', async () => {
    const group = startGroup('replicate')
    const { key, record } = await written(group)
    const names = ['a', 'b', 'c']
    const held = await Promise.all(names.map((name) => group.at(name).read(key)))
    const [first, second] = names.filter((_, at) => held[at]) as [string, string]
    group.at(first).fault = down
    const store = group.join()
    const next = createSuccessor(record)
    const replaces = (await store.read(key)) as SessionRecord
    expect(await store.write(key, next, { replaces })).toEqual({ written: true })
    group.at(second).fault = down
    await expect(store.write(key, createSuccessor(next), { replaces: next })).rejects.toEqual(unavailable)
    await expect(store.write(key, createTombstone(), 'newer')).rejects.toEqual(unavailable)
  })

  test('of a deadline that the first store has already is none, and the second gets it', async () => {
    const group = startGroup('failover')
    const { key, record } = await written(group)
    const expiresAt = record.expiresAt + 60_000
    const held = (await group.at('primary').read(key)) as SessionRecord
    await group.at('primary').touch(key, held, expiresAt)
    expect(await group.join().touch(key, record, expiresAt)).toMatchObject({ written: false })
    expect(await group.at('standby').read(key)).toMatchObject({ expiresAt })
  })

  test('rejects when no store answers', async () => {
    const group = startGroup('failover')
    for (const name of ['primary', 'standby']) group.at(name).fault = down
    await expect(written(group)).rejects.toEqual(unavailable)
  })

  test('that was there already, because its reply was lost, is brought to the other store too', async () => {
    const group = startGroup('failover')
    const [key, record] = [createKey(), createRecord()]
    await group.at('primary').write(key, record, 'absent')
    expect(await group.join().write(key, record, 'absent')).toEqual({ written: false, current: record })
    expect(await group.at('standby').read(key)).toMatchObject(record)
  })

  test('never creates: where a store has nothing, the other one decides', async () => {
    const group = startGroup('failover')
    const { key, record } = await written(group)
    const base = (await group.join().read(key)) as SessionRecord
    await group.at('standby').write(key, createTombstone(), 'newer')
    group.wipe('primary')
    const outcome = await group.join().write(key, createSuccessor(record), { replaces: base })
    expect(outcome).toMatchObject({ written: false, current: { data: null } })
    expect(await group.join().read(key)).toMatchObject({ data: null })
  })

  test('of a session that nobody has any more is refused', async () => {
    const group = startGroup('failover')
    const { key, record } = await written(group)
    const base = (await group.join().read(key)) as SessionRecord
    for (const name of ['primary', 'standby']) group.wipe(name)
    const outcome = await group.join().write(key, createSuccessor(record), { replaces: base })
    expect(outcome).toEqual({ written: false, current: undefined })
    expect(await group.join().read(key)).toBeUndefined()
  })

  test('that meets a tombstone at the second store is over at the first one too', async () => {
    const group = startGroup('failover')
    const { key, record } = await written(group)
    const store = group.join()
    const base = (await store.read(key)) as SessionRecord
    await group.at('standby').write(key, createTombstone(), 'newer')
    const outcome = await store.write(key, createSuccessor(record), { replaces: base })
    expect(outcome).toMatchObject({ written: false, current: { data: null } })
    expect(await group.at('primary').read(key)).toMatchObject({ data: null })
  })

  test('passes a token of one store to no other', async () => {
    const group = startGroup('failover')
    const { key } = await written(group)
    const outcome = await group.join().write(key, createRecord(), 'absent')
    expect(outcome).not.toHaveProperty('current.token')
  })
})

describe('a tombstone', () => {
  test('stands on both stores', async () => {
    const group = startGroup('failover')
    const { key } = await written(group)
    await group.join().write(key, createTombstone(), 'newer')
    for (const name of ['primary', 'standby']) expect(await group.at(name).read(key)).toMatchObject({ data: null })
  })

  test('that one store missed is there again when that store comes back with its old data', async () => {
    const group = startGroup('failover')
    const { key } = await written(group)
    group.at('primary').fault = down
    await group.join().write(key, createTombstone(), 'newer')
    group.at('primary').fault = undefined
    expect(await group.join().read(key)).toMatchObject({ data: null })
    expect(await group.at('primary').read(key)).toMatchObject({ data: null })
  })
})

describe('status', () => {
  test('says which store is filling, trusted or down, and since when', async () => {
    const clock = createClock()
    const start = clock.now()
    const group = await settled(startGroup('failover', clock.now))
    clock.advance(3_600_001)
    group.at('standby').fault = down
    const store = group.join()
    await expect
      .poll(() => store.status())
      .toEqual([
        { name: 'primary', state: 'trusted', since: start + 3_600_001 },
        { name: 'standby', state: 'down', since: start + 3_600_001 },
      ])
    group.wipe('primary')
    const later = group.join()
    await expect.poll(() => later.status()[0]).toEqual({ name: 'primary', state: 'filling', since: clock.now() })
  })
})

describe('bad options', () => {
  const memory = () => memoryStore()

  test.each([
    ['one store', () => replicate({ a: memory() }), 'there are 1 stores'],
    ['a name that no event should carry', () => replicate({ a: memory(), 'b c': memory() }), "'b c'"],
    ['more copies than stores', () => replicate({ a: memory(), b: memory() }, { copies: 3 }), 'copies is 3'],
    ['one copy', () => replicate({ a: memory(), b: memory() }, { copies: 1 }), 'copies is 1'],
    ['an idle time that is none', () => failover(memory(), memory(), { idle: 0 }), 'idle is 0'],
    [
      'a standby that others do not see',
      () => failover({ ...memory(), name: 'redis' }, memory()),
      'singleProcess: true',
    ],
  ])('%s', (_, open, says) => {
    expect(open).toThrow(says)
    expect(open).toThrow(expect.toSatisfy(isConfigError))
  })
})
