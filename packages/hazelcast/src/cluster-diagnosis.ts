import { joinDiagnoses, roundTripOf, type Diagnosis, type Finding } from '@holdfast/core'
import { finding, mapFindings, probeMap, type MapCheckOptions } from './map-check.js'
import { configFindings, memberConfig, pingMember, type Member } from './member-config.js'

export interface DiagnosisOptions extends MapCheckOptions {
  readonly clock: () => number
  /** Bounds one question. */
  readonly ask: <T>(question: () => Promise<T>) => Promise<T>
}

/** All that can be seen of a cluster: what is a warning at start, and what its members are configured with. */
export async function diagnoseCluster(options: DiagnosisOptions): Promise<Diagnosis> {
  const members = options.client.getCluster().getMembers()
  const looks = await Promise.all(members.map((member) => lookAt(member, members.length, options)))
  const { servers, findings } = joinDiagnoses(looks)
  const isConfigKnown = !findings.some(({ level }) => level === 'unknown')
  // Of the missing protection the configuration tells more than the probe.
  const probed = (await probeFindings(options)).filter(({ code }) => !(isConfigKnown && code.endsWith('SPLIT_BRAIN')))
  return { servers, findings: [...probed, ...findings] }
}

async function lookAt(member: Member, members: number, options: DiagnosisOptions): Promise<Diagnosis> {
  const { client, name, ask } = options
  const server = `${member.address.host}:${member.address.port}`
  const roundTripMs = await roundTripOf(() => ask(() => pingMember(client, member)))
  const report = { server, what: 'Hazelcast member', roundTripMs }
  const findings = await ask(() => memberConfig(client, member))
    // A member that has just started may take longer than that.
    .catch(() => ask(() => memberConfig(client, member)))
    .then(
      (xml) => configFindings(xml, name, members),
      (error: Error) => [unknownConfig(error)],
    )
  return { servers: [report], findings: findings.map((found) => ({ ...found, servers: [server] })) }
}

function unknownConfig({ message, cause }: Error): Finding {
  const reason = cause instanceof Error ? cause.message : message
  const why = reason.includes('AccessControlException')
    ? 'its management-center: trusted-interfaces does not name this machine'
    : reason
  return finding(
    'unknown',
    'CONFIG',
    `the member does not tell what it is configured with (${why}). Compare backup-count, merge-policy, eviction and split-brain-protection with the configuration that the docs recommend.`,
  )
}

async function probeFindings(options: DiagnosisOptions): Promise<readonly Finding[]> {
  const { map, ask, clock } = options
  try {
    const startedAt = clock()
    const probe = await ask(() => probeMap(map))
    return [...mapFindings(options, probe), ...clockFindings(probe.createdAt, startedAt)]
  } catch (error) {
    if (!/split brain protection/i.test(String((error as Error).cause))) throw error
    const members = options.client.getCluster().getMembers().length
    return [
      finding(
        'wrong',
        'TOO_FEW',
        `the cluster refuses to keep sessions, as split-brain-protection says: it has ${members} member${members === 1 ? '' : 's'}, fewer than minimum-cluster-size. Start the others, or see why they are cut off.`,
      ),
    ]
  }
}

const MOST_SKEW_MS = 5_500

/** By when a member says that the entry was made: whole seconds. */
function clockFindings(createdAt: number | undefined, now: number): readonly Finding[] {
  if (createdAt === undefined || Math.abs(now - createdAt) <= MOST_SKEW_MS) return []
  const seconds = Math.round(Math.abs(now - createdAt) / 1_000)
  const side = now > createdAt ? 'ahead of' : 'behind'
  return [
    finding(
      'wrong',
      'CLOCK',
      `the clock of this process is ${seconds} s ${side} the one of a member, so sessions end at the wrong time. Synchronise both (NTP).`,
    ),
  ]
}
