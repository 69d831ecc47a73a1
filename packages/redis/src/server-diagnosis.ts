import { roundTripOf, type Diagnosis, type Finding } from '@holdfast/core'
import type { RedisConnection } from './client.js'
import {
  clockFindings,
  finding,
  type Info,
  infoOf,
  msAhead,
  replicasOf,
  settingFindings,
  wrong,
} from './server-checks.js'
import { sentinelFindings } from './sentinel-diagnosis.js'
import type { Durability } from './store-options.js'

export interface DiagnosisOptions {
  readonly connection: RedisConnection
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly durability: Durability | undefined
  readonly clock: () => number
  /** Bounds one question. */
  readonly ask: <T>(question: () => Promise<T>) => Promise<T>
}

/** All that can be seen of a master: what is a warning at start, and what costs a question more. */
export async function diagnoseServer(options: DiagnosisOptions): Promise<Diagnosis> {
  const { connection, clock, ask } = options
  const info = await ask(() => infoOf(connection))
  const server = addressOf(options)
  const roundTripMs = await roundTripOf(() => ask(() => connection.call('PING')))
  const aheadMs = await ask(() => msAhead(connection, clock))
  const findings = [
    ...clockFindings(aheadMs),
    ...settingFindings(info),
    ...roleFindings(info, options),
    ...memoryFindings(info),
    ...(await saveFindings(info, options)),
    ...(await timeoutFindings(options)),
  ]
  const what = `Redis ${info('redis_version')}, ${info('role') === 'slave' ? 'replica' : 'master'}`
  return {
    servers: [{ server, what, roundTripMs, aheadMs }],
    findings: [
      ...findings.map((found) => ({ ...found, servers: [server] })),
      ...(options.kind === 'sentinel' ? await sentinelFindings(connection) : []),
    ],
  }
}

/** That of the master is not in the options of a client that asks Sentinels. */
function addressOf({ connection, kind }: DiagnosisOptions): string {
  const { options, stream } = connection
  return kind === 'sentinel' ? `${stream?.remoteAddress}:${stream?.remotePort}` : `${options.host}:${options.port}`
}

function roleFindings(info: Info, { kind, durability }: DiagnosisOptions): readonly Finding[] {
  if (info('role') === 'slave') {
    return [
      wrong(
        'REPLICA',
        `the server is a replica of ${info('master_host')}:${info('master_port')} and takes no writes. Name the master, or the Sentinels.`,
      ),
    ]
  }
  if (replicasOf(info) > 0) return []
  if (kind !== 'single') {
    return [
      wrong(
        'NO_REPLICAS',
        'the master has 0 replicas: nothing can take over when it dies, and its sessions are away until it is back. Give it a replica, or find out why its replica has lost it.',
      ),
    ]
  }
  if (durability === undefined) return []
  return [
    wrong(
      'NO_REPLICAS',
      `the URL says durability=${durability} and the server has 0 replicas: each login waits for one and is answered with 503. Start a replica, or leave durability out.`,
    ),
  ]
}

const FULL = 0.9

function memoryFindings(info: Info): readonly Finding[] {
  const [most, used, evicted] = ['maxmemory', 'used_memory', 'evicted_keys'].map((name) => Number(info(name) ?? 0)) as [
    number,
    number,
    number,
  ]
  const findings: Finding[] = []
  if (most > 0 && used > FULL * most) {
    findings.push(
      wrong(
        'FULL',
        `the server uses ${megabytes(used)} of its maxmemory of ${megabytes(most)}: soon it refuses logins, or throws sessions away. Give it more memory.`,
      ),
    )
  }
  if (evicted > 0) {
    findings.push(
      finding(
        'advice',
        'EVICTED',
        `the server has thrown away ${evicted} keys since it was started: users were logged out if sessions were among them. Give sessions a Redis of their own with maxmemory-policy noeviction.`,
      ),
    )
  }
  return findings
}

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`

async function saveFindings(info: Info, options: DiagnosisOptions): Promise<readonly Finding[]> {
  const failed = ['rdb_last_bgsave_status', 'aof_last_write_status'].find((name) => info(name) === 'err')
  if (failed !== undefined) {
    return [
      wrong(
        'SAVE_FAILS',
        `the server cannot save (${failed}: err): it refuses writes, or loses them when it restarts. Look at its log: disk full, or no right to write there.`,
      ),
    ]
  }
  if (info('aof_enabled') === '1') return []
  const snapshots = await settingOf('save', options)
  if (snapshots === undefined) {
    return [
      finding(
        'unknown',
        'SAVED',
        'the server has appendonly no, and may not be asked for save (CONFIG GET is not allowed). Make sure that it saves snapshots, or set appendonly yes.',
      ),
    ]
  }
  if (snapshots !== '') {
    return [
      finding(
        'advice',
        'SNAPSHOTS',
        `the server has appendonly no and save ${JSON.stringify(snapshots)}: a restart takes back what was stored since the last snapshot, logouts too. Set appendonly yes; with appendfsync everysec it is a second at most.`,
      ),
    ]
  }
  const others = replicasOf(info) > 0 ? ', and its replicas copy that' : ''
  return [
    wrong(
      'NOT_SAVED',
      `the server saves nothing (appendonly no, save ""): after a restart it is empty${others}, and everybody logs in again. Set appendonly yes and appendfsync everysec.`,
    ),
  ]
}

const CALM_MS = 10_000

async function timeoutFindings(options: DiagnosisOptions): Promise<readonly Finding[]> {
  if (options.kind !== 'cluster') return []
  const ms = Number((await settingOf('cluster-node-timeout', options)) ?? 0)
  if (ms <= CALM_MS) return []
  return [
    finding(
      'advice',
      'NODE_TIMEOUT',
      `the server has cluster-node-timeout ${ms}: for so many ms after a master died its sessions are away. Set cluster-node-timeout 5000.`,
    ),
  ]
}

/** Undefined where it may not be asked: managed servers often have no CONFIG. */
async function settingOf(name: string, { connection, ask }: DiagnosisOptions): Promise<string | undefined> {
  try {
    const [, value] = (await ask(() => connection.call('CONFIG', 'GET', name))) as readonly string[]
    return value
  } catch {
    return undefined
  }
}
