import { randomBytes } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { requestWith } from '../races/request-with.js'
import { until } from '../servers/until.js'
import { AppServer, engine, type Visitor } from './app-server.js'
import { kinds, type StoresUnderTest } from './stores.js'

const newKey = () => randomBytes(32).toString('base64')
const [A, B, C] = [newKey(), newKey(), newKey()]

/** Neighbours may run side by side: each opens what the other writes. */
const rollout = [['plain', A], [A], [A, B], [B, A], [B, A, C], [C, B, A], [C]]

/** Too long to stand in a time or in cipher text by chance. */
const [VALUE, OTHER_VALUE] = [815_162_342_108, 423_481_516_233]

/** What no engine should ever say here. */
function unreadable(): unknown[] {
  const heard: unknown[] = []
  const listen = (event: unknown): void => {
    if (['undecodable', 'not-opened', 'missing', 'lost-writes'].includes((event as { type: string }).type))
      heard.push(event)
  }
  for (const name of ['holdfast:session', 'holdfast:store']) subscribe(name, listen)
  onTestFinished(() => ['holdfast:session', 'holdfast:store'].forEach((name) => unsubscribe(name, listen)))
  return heard
}

describe.each(kinds)('sessions that are encrypted on $name', ({ start, isMissing }) => {
  describe.skipIf(isMissing)('with real servers', { timeout: 60_000 }, () => {
    let stores: StoresUnderTest
    beforeAll(async () => void (stores = await start()), 150_000)
    afterAll(() => stores?.stop())

    test('show the servers no name of a field, no value and no user', async () => {
      const [plain, sealed] = [engine({ store: stores.url }), engine({ store: stores.url, encryptionKeys: A })]
      onTestFinished(async () => void (await Promise.all([plain.close(), sealed.close()])))
      await Promise.all([plain.ready(), sealed.ready()])
      await plain.create({ shownField: 4711 }, { userId: 'shown-user' })
      const { cookie } = await sealed.create({ hiddenField: VALUE }, { userId: 'hidden-user' })
      await sealed.update(requestWith(cookie), (session) => void (session.hiddenToo = OTHER_VALUE))
      expect(await sealed.read(requestWith(cookie))).toMatchObject({ hiddenField: VALUE, hiddenToo: OTHER_VALUE })
      expect(await sealed.listByUser('hidden-user')).toHaveLength(1)
      const dump = await stores.dump()
      for (const shown of ['shownField', '4711', 'shown-user']) expect(dump).toContain(shown)
      for (const hidden of ['hidden', String(VALUE), String(OTHER_VALUE), cookie.slice(10, 40)])
        expect(dump).not.toContain(hidden)
    })

    test('of 64 KiB are taken', async () => {
      const sealed = engine({ store: stores.url, encryptionKeys: A, maxBytes: 65_536 })
      onTestFinished(() => sealed.close())
      await sealed.ready()
      const fields = Array.from({ length: 4_000 }, (_, at) => [`field${String(at).padStart(4, '0')}`, 1] as const)
      const data = {
        ...Object.fromEntries(fields),
        ['x'.repeat(65_535 - JSON.stringify(Object.fromEntries(fields)).length - 5)]: 1,
      }
      expect(JSON.stringify(data)).toHaveLength(65_535)
      const { cookie } = await sealed.create(data)
      expect({ ...(await sealed.read(requestWith(cookie))) }).toEqual(data)
    })

    test('stay what they are while they are encrypted for the first time, and under three keys one after the other', async () => {
      const heard = unreadable()
      const first = Array.from({ length: 3 }, () => engine(stores.options(undefined)))
      await Promise.all(first.map((one) => one.ready()))
      const visitors: Visitor[] = []
      for (let at = 0; at < 4; at++) visitors.push({ ...(await first[0]!.create({})), counts: {} })
      const servers = first.map((one, at) => new AppServer(`server${at}`, visitors, one))
      for (const keys of rollout) {
        for (const server of servers) await server.deploy(engine(stores.options(keys)))
        const before = servers.map(({ least }) => least)
        const areServed = () => servers.every(({ least }, at) => least > (before[at] as number) + 1)
        await until('each server has written each session', areServed)
      }
      for (const server of servers) await server.stop()
      expect(heard).toEqual([])

      const last = engine(stores.options(C))
      onTestFinished(() => last.close())
      await last.ready()
      for (const { cookie, counts } of visitors) expect({ ...(await last.read(requestWith(cookie))) }).toEqual(counts)
      expect(await stores.dump()).not.toContain('server0')
    })
  })
})
