import type { Finding } from '@holdfast/core'
import type { RedisConnection } from './client.js'
import { finding, wrong } from './server-checks.js'
import { sideConnection } from './side-connection.js'

interface Address {
  readonly host: string
  readonly port: number
}

const ENOUGH = 3
const CALM_MS = 10_000
const ANSWER_MS = 1_000

/** What the Sentinels of a client say of its master: whether one of them may die, and how soon they look for another. */
export async function sentinelFindings(connection: RedisConnection): Promise<readonly Finding[]> {
  const { sentinels } = connection.options
  const looks = (sentinels as readonly Address[]).map(async (address) => {
    const server = `${address.host}:${address.port}`
    const findings = await masterBy(connection, address).then(findingsOf, (error: Error) => [
      wrong(
        'SENTINEL_AWAY',
        `the Sentinel does not answer (${error.message}): with it away, fewer can agree on another master. Start it, or take it out of the URL.`,
      ),
    ])
    return findings.map((found) => ({ ...found, servers: [server] }))
  })
  return (await Promise.all(looks)).flat()
}

type Facts = ReadonlyMap<string, string>

function findingsOf(facts: Facts): readonly Finding[] {
  const sentinels = Number(facts.get('num-other-sentinels') ?? 0) + 1
  const downAfterMs = Number(facts.get('down-after-milliseconds') ?? 0)
  const findings: Finding[] = []
  if (sentinels < ENOUGH) {
    findings.push(
      wrong(
        'FEW_SENTINELS',
        `the Sentinel knows of ${sentinels} Sentinel${sentinels === 1 ? '' : 's'} of the master, itself counted: when one dies, the rest is no majority and no replica takes over. Start ${ENOUGH}.`,
      ),
    )
  }
  if (downAfterMs > CALM_MS) {
    findings.push(
      finding(
        'advice',
        'DOWN_AFTER',
        `the Sentinel has down-after-milliseconds ${downAfterMs}: for so many ms after a master died sessions are away. Set sentinel down-after-milliseconds ${facts.get('name')} 5000.`,
      ),
    )
  }
  return findings
}

async function masterBy(connection: RedisConnection, { host, port }: Address): Promise<Facts> {
  const { name, sentinelUsername, sentinelPassword, sentinelTLS } = connection.options
  const side = sideConnection(connection, {
    sentinels: null,
    name: null,
    host,
    port,
    db: 0,
    username: sentinelUsername,
    password: sentinelPassword,
    tls: sentinelTLS,
    commandTimeout: ANSWER_MS,
    enableReadyCheck: false,
    retryStrategy: () => null,
  })
  try {
    await side.connection.connect()
    const answer = (await side.connection.call('SENTINEL', 'MASTER', String(name))) as readonly string[]
    return new Map(answer.flatMap((fact, at) => (at % 2 === 0 ? [[fact, answer[at + 1] ?? ''] as const] : [])))
  } finally {
    side.close()
  }
}
