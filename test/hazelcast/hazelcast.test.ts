import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createKey, createRecord, createSuccessor, createTombstone } from '@holdfast/conformance'
import type { ListsKeys, ReportsChanges, SessionRecord, SessionStore } from '@holdfast/core'
import { hazelcast, hazelcastStore } from '@holdfast/hazelcast'
import { Client } from 'hazelcast-client'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startNode, type Child } from '../process.js'
import type { HazelcastMember } from '../servers/hazelcast-member.js'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { startHazelcast, type HazelcastCluster } from '../servers/hazelcast.js'
import { makeScratch } from '../servers/scratch.js'
import { until } from '../servers/until.js'

const program = await requireHazelcast()
/** A call may take 250 ms; the rest is for a busy machine. */
const DEADLINE_AND_SLACK_MS = 2_500
const DAYS_90_MS = 90 * 86_400_000

type Store = SessionStore & ListsKeys & ReportsChanges

function opened(url: string, absoluteMs = DAYS_90_MS): Store {
  const store = hazelcast.open(url, { clock: Date.now, idleMs: 1, absoluteMs }) as Store
  onTestFinished(() => store.close())
  return store
}

const isUp = (store: SessionStore) => until('it answers', async () => (await store.read(createKey())) === undefined)

describe.skipIf(program === undefined)('a Hazelcast cluster', { timeout: 120_000 }, () => {
  let cluster: HazelcastCluster
  let client: Client
  beforeAll(async () => {
    cluster = await startHazelcast()
    const clusterMembers = cluster.members.map(({ address }) => address)
    client = await Client.newHazelcastClient({
      clusterName: cluster.clusterName,
      network: { clusterMembers },
      properties: { 'hazelcast.logging.level': 'OFF' },
    })
  }, 150_000)
  afterAll(async () => {
    await client?.shutdown()
    await cluster?.stop()
  })
  beforeEach(() => cluster.settled(), 120_000)

  test('keeps no entry for ever, whatever was done to it', async () => {
    const store = opened(cluster.url)
    await isUp(store)
    const map = await client.getMap<string, string>('sessions')
    const ttlOf = async (key: string) => Number((await map.getEntryView(key)).ttl)
    const [key, record] = [createKey(), createRecord()]
    await store.write(key, record, 'absent')
    const left = record.expiresAt - Date.now()
    expect(await ttlOf(key)).toBeGreaterThan(left)
    expect(await ttlOf(key)).toBeLessThan(left + 5_000)
    const next = createSuccessor(record)
    for (const change of [
      () => store.write(key, next, { replaces: record }),
      () => store.touch(key, next, next.expiresAt + 1_000),
      () => store.write(key, createTombstone(), 'newer'),
    ]) {
      expect(await change()).toEqual({ written: true })
      expect(await ttlOf(key)).toBe(DAYS_90_MS)
    }
  })

  test('a map that would keep sessions for ever, or too short, is refused with the line to add', async () => {
    const endless = hazelcastStore({ client, map: 'of-others' })
    await expect(endless.ready?.()).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(
        "the map 'of-others' keeps an entry for ever once it was changed. Say in the configuration of every member, under map: of-others: time-to-live-seconds: 7776000",
      ) as unknown,
    })
    const short = hazelcastStore({ client, longestAbsoluteMs: 2 * DAYS_90_MS })
    await expect(short.ready?.()).rejects.toThrow('forgets an entry 7776000 s after it was changed')
    await expect(hazelcastStore({ client }).ready?.()).resolves.toBeUndefined()
  })

  test('the recommended configuration is nothing to warn of', async () => {
    const warn = vi.spyOn(process, 'emitWarning')
    onTestFinished(() => warn.mockRestore())
    vi.resetModules()
    const fresh = await import('@holdfast/hazelcast')
    const store = fresh.hazelcast.open(cluster.url, { clock: Date.now, idleMs: 1, absoluteMs: DAYS_90_MS }) as Store
    onTestFinished(() => store.close())
    await until('it is ready', async () => (await store.ready?.()) === undefined)
    expect(warn).not.toHaveBeenCalled()
  })

  test('tells of changes of others, and lists what it keeps', async () => {
    const [mine, other] = [opened(cluster.url), hazelcastStore({ client })]
    await isUp(mine)
    const heard: (string | undefined)[] = []
    const stop = mine.onChange((key) => heard.push(key))
    await until('it listens', () => heard.length > 0)
    const [key, record] = [createKey(), createRecord()]
    await until('it is told of a write', async () => {
      await other.write(createKey(), createRecord(), 'absent')
      return heard.some((one) => one !== undefined)
    })
    await other.write(key, record, 'absent')
    await until('it is told of this write', () => heard.includes(key))
    const keys: string[] = []
    for await (const one of mine.keys()) keys.push(one)
    expect(keys).toContain(key)
    stop()
  })

  /** Writes to sessions all over the cluster while a member suffers; what was acknowledged must be there in the end. */
  async function survives(harm: (member: HazelcastMember) => Promise<void> | void): Promise<void> {
    const store = opened(cluster.url)
    await isUp(store)
    const acknowledged = new Map<string, SessionRecord>()
    let [isOver, worstMs, writes] = [false, 0, 0]
    const write = async (): Promise<void> => {
      const key = createKey()
      let known: SessionRecord | undefined
      while (!isOver) {
        const next = known ? createSuccessor(known) : createRecord()
        const startedAt = performance.now()
        try {
          const outcome = await store.write(key, next, known ? { replaces: known } : 'absent')
          known = outcome.written ? next : outcome.current
          if (known) acknowledged.set(key, known)
          writes += 1
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
        worstMs = Math.max(worstMs, performance.now() - startedAt)
      }
    }
    const writers = Array.from({ length: 24 }, write)
    await until('it is under way', () => writes > 200)
    const [, member] = cluster.members as [HazelcastMember, HazelcastMember]
    await harm(member)
    for (const key of acknowledged.keys()) {
      const before = acknowledged.get(key)?.revision ?? 0
      await until('each session is written to again', () => (acknowledged.get(key)?.revision ?? 0) > before, 60_000)
    }
    isOver = true
    await Promise.all(writers)
    for (const [key, { revision }] of acknowledged) {
      await until('it is read', async () => ((await store.read(key))?.revision ?? 0) >= revision)
    }
    expect(worstMs).toBeLessThan(DEADLINE_AND_SLACK_MS)
  }

  test('loses nothing acknowledged when a member is killed', async () => {
    await survives((member) => member.kill())
  })

  test('loses nothing acknowledged when a member is frozen, and serves its share again', async () => {
    onTestFinished(() => cluster.members[1]?.resume())
    await survives((member) => member.pause())
  })

  test('all members gone and back: refused in time, then served again, by a new client; an app that was busy meanwhile goes on', async () => {
    const store = opened(cluster.url)
    await isUp(store)
    const busy = await startBusyApp(cluster.url)
    await Promise.all(cluster.members.map((member) => member.kill()))
    await busy.goOn()
    const endsAt = performance.now() + 6_000
    while (performance.now() < endsAt) {
      const startedAt = performance.now()
      await expect(store.read(createKey())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      expect(performance.now() - startedAt).toBeLessThan(DEADLINE_AND_SLACK_MS)
    }
    await cluster.settled()
    await isUp(store)
    await until('a write is taken', async () => (await store.write(createKey(), createRecord(), 'absent')).written)
    await busy.app.printed(/is served again/)
  })
})

/** Its event loop stands still until `goOn`, which resolves when it turns again. */
async function startBusyApp(url: string): Promise<{ app: Child; goOn(): Promise<void> }> {
  const scratch = await makeScratch()
  const file = join(scratch.path, 'go-on')
  const app = startNode('test/hazelcast/busy-app.ts', { args: [url, file] })
  onTestFinished(async () => {
    await app.stop('SIGKILL')
    await scratch.remove()
  })
  await app.printed(/stands still/)
  const goOn = async (): Promise<void> => {
    await writeFile(file, '')
    await app.printed(/goes on: StoreUnavailableError/)
  }
  return { app, goOn }
}

test('an address where nobody answers blocks nothing, and one where nobody is says why', async () => {
  const mute = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  onTestFinished(() => void mute.close())
  const { port } = mute.address() as AddressInfo
  const silent = opened(`hazelcast://127.0.0.1:${port}`)
  const startedAt = performance.now()
  await expect(silent.read(createKey())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  expect(performance.now() - startedAt).toBeLessThan(DEADLINE_AND_SLACK_MS)
  const nobody = opened('hazelcast://127.0.0.1:1')
  const says = async (): Promise<boolean> =>
    nobody.ready?.().then(
      () => false,
      (error: Error) => error.message.includes('no cluster was found'),
    ) ?? false
  await until('it says why', says)
})
