import { isConfigError, roundTripOf, type Diagnosis, type Finding } from '@holdfast/core'
import { assertCasWorks } from './cas-probe.js'
import type { MemcachedPort, Stats } from './memcached-port.js'

export interface DiagnosisOptions {
  readonly port: MemcachedPort
  readonly server: string
  readonly prefix: string
  readonly clock: () => number
  /** Bounds one question. */
  readonly ask: <T>(question: () => Promise<T>) => Promise<T>
}

/** All that can be seen of a server, by its statistics, its settings and a key of its own. */
export async function diagnoseServer({ port, server, prefix, clock, ask }: DiagnosisOptions): Promise<Diagnosis> {
  const stats = await ask(() => port.stats())
  const aheadMs = clock() - Number(stats['time']) * 1_000 - 500
  const settings = await ask(() => port.settings())
  const findings = [
    ...(settings['cas_enabled'] === 'no' ? [NO_CAS] : await ask(() => casFindings(port, prefix))),
    ...clockFindings(aheadMs),
    ...memoryFindings(stats),
    ...settingFindings(settings),
  ]
  const roundTripMs = await roundTripOf(() => ask(() => port.gets(`${prefix}holdfast-round-trip`)))
  return {
    servers: [{ server, what: `Memcached ${String(stats['version'])}`, roundTripMs, aheadMs }],
    findings: findings.map((found) => ({ ...found, servers: [server] })),
  }
}

const finding = (level: Finding['level'], code: string, message: string): Finding => ({
  code: `HOLDFAST_MEMCACHED_${code}`,
  level,
  message,
})

const NO_CAS = finding(
  'wrong',
  'CAS',
  'the server has cas_enabled no (it was started with -C): no write can be compare-and-set, so it keeps no sessions. Start it without -C.',
)

async function casFindings(port: MemcachedPort, prefix: string): Promise<readonly Finding[]> {
  try {
    await assertCasWorks(port, prefix)
    return []
  } catch (error) {
    if (isConfigError(error)) return [finding('wrong', 'CAS', error.message.replace(/^memcached: /, ''))]
    throw error
  }
}

/** It tells whole seconds. */
const MOST_SKEW_MS = 5_500

function clockFindings(aheadMs: number): readonly Finding[] {
  if (!(Math.abs(aheadMs) > MOST_SKEW_MS)) return []
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  return [
    finding(
      'wrong',
      'CLOCK',
      `the clock of this process is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the one of the server, so sessions that live longer than 30 days end at the wrong time. Synchronise both (NTP).`,
    ),
  ]
}

const FULL = 0.9
const MEGABYTE = 1_048_576

function memoryFindings(stats: Stats): readonly Finding[] {
  const [evictions, used, most] = ['evictions', 'bytes', 'limit_maxbytes'].map((name) => Number(stats[name])) as [
    number,
    number,
    number,
  ]
  const megabytes = `${Math.round(most / MEGABYTE)} MB (-m)`
  if (evictions > 0) {
    return [
      finding(
        'wrong',
        'EVICTIONS',
        `the server has dropped ${evictions} items since it was started to make room in its ${megabytes}: users are logged out, and the mark of a logout may be gone. Start it with a larger -m.`,
      ),
    ]
  }
  if (used <= FULL * most) return []
  return [
    finding(
      'advice',
      'FULL',
      `the server uses ${Math.round((100 * used) / most)} % of its ${megabytes}: soon it drops sessions to make room. Start it with a larger -m.`,
    ),
  ]
}

/** A session of 64 KiB, the default of maxBytes, with its header, encrypted. */
const LARGEST_SESSION = 131_072

function settingFindings(settings: Stats): readonly Finding[] {
  const [itemSize, udpPort] = [Number(settings['item_size_max']), Number(settings['udpport'])]
  const findings: Finding[] = []
  if (itemSize < LARGEST_SESSION) {
    findings.push(
      finding(
        'wrong',
        'ITEM_SIZE',
        `the server takes items of at most ${itemSize} bytes (item_size_max): a session of 64 KiB, the default of maxBytes, takes up to ${LARGEST_SESSION} with its header and encrypted, and is refused. Start it with -I 1m.`,
      ),
    )
  }
  if (udpPort > 0) {
    findings.push(
      finding(
        'wrong',
        'UDP',
        `the server listens on UDP port ${udpPort}: with a forged sender it floods others, and tells them what it has. Start it with -U 0.`,
      ),
    )
  }
  return findings
}
