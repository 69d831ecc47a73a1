import type { SessionStore } from '@holdfast/core'
import { Client, type ClientConfig } from 'hazelcast-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { startHazelcast, type HazelcastCluster, type HazelcastOptions } from '../servers/hazelcast.js'
import { until } from '../servers/until.js'
import { findings } from '../cli/cli.js'

const program = await requireHazelcast()
const DAYS_90_MS = 90 * 86_400_000

const messages: string[] = []
const listen = (warning: Error & { code?: string }): void => void messages.push(`${warning.code}: ${warning.message}`)
beforeEach(() => {
  process.on('warning', listen)
})
afterEach(() => {
  process.off('warning', listen)
  messages.length = 0
})

/** Of a fresh copy of the packages, as a warning comes once in a process. */
async function checked(url: string): Promise<readonly string[]> {
  vi.resetModules()
  const { hazelcast } = await import('@holdfast/hazelcast')
  const store = hazelcast.open(url, { clock: Date.now, idleMs: 1, absoluteMs: DAYS_90_MS }) as SessionStore
  onTestFinished(() => store.close())
  const isReady = async (): Promise<boolean> => (await store.ready?.()) === undefined
  await until('it is ready', isReady)
  return messages
}

function withCluster(options: HazelcastOptions, tests: (cluster: () => HazelcastCluster) => void): void {
  let cluster: HazelcastCluster
  beforeAll(async () => {
    cluster = await startHazelcast(options)
  }, 150_000)
  afterAll(() => cluster?.stop())
  tests(() => cluster)
}

/** A map with all the wrong settings that only `doctor` sees. */
const NEGLECTED = `    neglected:
      backup-count: 0
      read-backup-data: true
      merge-policy: { class-name: PutIfAbsentMergePolicy }
      eviction: { eviction-policy: LRU, max-size-policy: PER_NODE, size: 1000 }
`

describe.skipIf(program === undefined)('what a cluster may lose sessions by', { timeout: 60_000 }, () => {
  describe('a member that is alone, with a map that nobody has configured well', () => {
    const configure = (yaml: string): string =>
      yaml
        .replace(/^ {6}(per-entry-stats-enabled|split-brain-protection-ref|merge-policy| {2}class-name):.*\n/gm, '')
        .replace('time-to-live', 'max-idle-seconds: 1800\n      time-to-live')
        .replace(/^ {4}hazelcast\.max\.no\.heartbeat.*\n/m, '')
        .replace(/^ {2}map:\n/m, `$&${NEGLECTED}`)

    withCluster({ members: 1, configure }, (cluster) => {
      test('each finding is one warning that says what to change', async () => {
        const found = await checked(cluster().url)
        await until('all is said', () => found.length === 3)
        const add = 'in the configuration of every member, under '
        expect(found).toEqual([
          expect.stringMatching(
            `HOLDFAST_HAZELCAST_MAX_IDLE: .*'sessions'.* 1800 s.*take max-idle-seconds out .*under map: sessions\\.$`,
          ),
          expect.stringMatching(
            `HOLDFAST_HAZELCAST_MEMBERS: .* 1 member\\. Its sessions end with it: start 3, .*member-list\\.$`,
          ),
          expect.stringMatching(
            `HOLDFAST_HAZELCAST_SPLIT_BRAIN: .*${add}map: sessions: split-brain-protection-ref: majority, and under split-brain-protection: majority: enabled: true, minimum-cluster-size: 2, protect-on: READ_WRITE\\.$`,
          ),
        ])
      })

      test('doctor sees what the members are configured with, too', async () => {
        const { code, found, says } = await findings(cluster().url.replace('/sessions?', '/neglected?'))
        const names = ['BACKUPS', 'EVICTION', 'LIFETIME', 'MEMBERS', 'MERGE_POLICY', 'READ_BACKUP', 'SPLIT_BRAIN']
        expect([code, found]).toEqual([1, ['advice HEARTBEAT', ...names.map((name) => `wrong ${name}`)]])
        expect(says['LIFETIME']).toMatch(/keeps an entry for ever .*time-to-live-seconds: 7776000/)
        expect(says['BACKUPS']).toMatch(/backup-count 0: .*: backup-count: 1\.$/)
        expect(says['MERGE_POLICY']).toMatch(/merge-policy PutIfAbsentMergePolicy: .*class-name: DiscardMergePolicy\.$/)
        expect(says['EVICTION']).toMatch(/eviction-policy LRU and size 1000/)
        expect(says['SPLIT_BRAIN']).toMatch(/no split-brain-protection-ref .*minimum-cluster-size: 2/)
        expect(says['HEARTBEAT']).toMatch(/heartbeat\.seconds 60: /)
      })

      test('a client of the app that hides, repeats or hangs on something is one, too', async () => {
        const made = async (config: ClientConfig): Promise<readonly string[]> => {
          const network = { ...config.network, clusterMembers: cluster().members.map(({ address }) => address) }
          const properties = { 'hazelcast.logging.level': 'OFF', ...config.properties }
          const client = await Client.newHazelcastClient({ clusterName: 'sessions', ...config, network, properties })
          onTestFinished(() => client.shutdown())
          vi.resetModules()
          const { hazelcastStore } = await import('@holdfast/hazelcast')
          hazelcastStore({ client })
          await new Promise(setImmediate)
          return messages.splice(0)
        }
        const safe = {
          'hazelcast.client.operation.fail.on.indeterminate.state': true,
          'hazelcast.client.autopipelining.enabled': false,
        }
        expect(await made({ properties: safe, nearCaches: { 'sess*x': {}, session: {} } })).toEqual([])
        for (const pattern of ['sessions', 'sess*', '*ns', 'default']) {
          expect(await made({ properties: safe, nearCaches: { [pattern]: {} } })).toEqual([
            expect.stringMatching("HOLDFAST_HAZELCAST_NEAR_CACHE: .*'sessions'.*Take it out of nearCaches"),
          ])
        }
        expect(await made({ network: { redoOperation: true } })).toEqual([
          expect.stringMatching('HOLDFAST_HAZELCAST_INDETERMINATE: .*Set it to true, under properties'),
          expect.stringMatching('HOLDFAST_HAZELCAST_AUTOPIPELINING: .*Set it to false, under properties'),
          expect.stringMatching('HOLDFAST_HAZELCAST_REDO_OPERATION: .*Set it to false'),
        ])
      })
    })
  })

  describe('two members, else as recommended', () => {
    /** They do not tell everybody what they are configured with. */
    const configure = (yaml: string): string =>
      `${yaml.trimEnd()}\n  management-center:\n    trusted-interfaces:\n      - 10.9.9.9\n`
    withCluster({ members: 2, configure }, (cluster) => {
      test('one is missing', async () => {
        const found = await checked(cluster().url)
        await until('it is said', () => found.length > 0)
        expect(found).toEqual([expect.stringMatching(/HOLDFAST_HAZELCAST_MEMBERS: .* 2 members\. .*: start 3/)])
        const { code, found: seen, says } = await findings(cluster().url)
        expect([code, seen]).toEqual([1, ['unknown CONFIG', 'wrong MEMBERS']])
        expect(says['CONFIG']).toMatch(
          /does not tell what it is configured with \(its .* trusted-interfaces .*\)\. Compare backup-count/,
        )
        await cluster().members[1]?.kill()
        await until('it is alone', async () => (await cluster().members[0]?.health()) !== 2)
        const refused = async (): Promise<boolean> =>
          (await findings(cluster().url).catch(() => undefined))?.found.includes('wrong TOO_FEW') ?? false
        await until('doctor says that the other refuses', refused)
      })
    })
  })
})
