import type { Finding } from '@holdfast/core'
import type { Client } from 'hazelcast-client'
import { finding, splitBrain } from './map-check.js'

export type Member = ReturnType<ReturnType<Client['getCluster']>['getMembers']>[number]

/** What hazelcast-client 5.6 has beside its public interface, which has no call for this. */
interface Internals {
  getInvocationService(): {
    invokeOnTarget<T>(request: Message, member: unknown, read: (answer: Message) => T): Promise<T>
  }
}

interface Message {
  addFrame(frame: Frame): void
  setMessageType(type: number): void
  setPartitionId(id: number): void
  nextFrame(): Frame
}

interface Frame {
  readonly content: Buffer
}

interface Protocol {
  readonly ClientMessage: { createForEncode(): Message }
  readonly Frame: { createInitialFrame(bytes: number): Frame }
}

/** `Client.Ping` and `MC.GetMemberConfig` of the client protocol; by the second the Management Center asks. */
const PING = 0x000b00
const GET_MEMBER_CONFIG = 0x200500
/** Message type, correlation id and partition id. */
const REQUEST_BYTES = 16

/** Resolves when the member has answered. */
export const pingMember = (client: Client, member: Member): Promise<unknown> => ask(client, member, PING)

/** The configuration with which a member runs, as XML. Rejects where it does not tell. */
export async function memberConfig(client: Client, member: Member): Promise<string> {
  const [, text] = await ask(client, member, GET_MEMBER_CONFIG, 2)
  return text?.content.toString('utf8') ?? ''
}

async function ask(client: Client, { uuid }: Member, type: number, frames = 1): Promise<readonly Frame[]> {
  // Only who asks for a diagnosis loads what another version of the client may have elsewhere.
  const { ClientMessage, Frame } =
    (await import('hazelcast-client/lib/protocol/ClientMessage.js')) as unknown as Protocol
  const request = ClientMessage.createForEncode()
  request.addFrame(Frame.createInitialFrame(REQUEST_BYTES))
  request.setMessageType(type)
  request.setPartitionId(-1)
  const service = (client as unknown as Internals).getInvocationService()
  return service.invokeOnTarget(request, uuid, (answer) => Array.from({ length: frames }, () => answer.nextFrame()))
}

/** Compares the configuration of a member with the one that the docs recommend. `members`: how many there are. */
export function configFindings(xml: string, name: string, members: number): readonly Finding[] {
  const map = mapConfig(xml, name)
  const of = (what: string): string | undefined => textOf(map, what)
  const say = (line: string): string => `Say in the configuration of every member, under map: ${name}: ${line}.`
  const findings: Finding[] = []
  const backups = Number(of('backup-count') ?? 1)
  if (backups < 1) {
    findings.push(
      finding(
        'wrong',
        'BACKUPS',
        `the map '${name}' has backup-count ${backups}: a member that dies takes its sessions along. ${say('backup-count: 1')}`,
      ),
    )
  }
  const policy = of('merge-policy') ?? 'PutIfAbsentMergePolicy'
  if (!policy.endsWith('DiscardMergePolicy')) {
    findings.push(
      finding(
        'wrong',
        'MERGE_POLICY',
        `the map '${name}' has merge-policy ${policy}: what a member that was cut off brings along when it is back may stand for a session that was ended meanwhile. ${say('merge-policy: class-name: DiscardMergePolicy')}`,
      ),
    )
  }
  const [, size, eviction = 'NONE'] = /<eviction\b[^>]*?\bsize="(\d+)"[^>]*?\beviction-policy="(\w+)"/.exec(map) ?? []
  if (eviction !== 'NONE') {
    findings.push(
      finding(
        'wrong',
        'EVICTION',
        `the map '${name}' has eviction-policy ${eviction} and size ${size}: it throws sessions away when it is full. ${say('eviction: eviction-policy: NONE, or leave eviction out')}`,
      ),
    )
  }
  if (of('read-backup-data') === 'true') {
    findings.push(
      finding(
        'wrong',
        'READ_BACKUP',
        `the map '${name}' has read-backup-data true: a backup that is behind answers, and a logout is seen late. ${say('read-backup-data: false')}`,
      ),
    )
  }
  findings.push(...protectionFindings(xml, of('split-brain-protection-ref'), name, members))
  const heartbeat = Number(/<property name="hazelcast\.max\.no\.heartbeat\.seconds">(\d+)</.exec(xml)?.[1] ?? 60)
  if (heartbeat > 20) {
    findings.push(
      finding(
        'advice',
        'HEARTBEAT',
        `the members have hazelcast.max.no.heartbeat.seconds ${heartbeat}: so long requests for the share of a member that hangs are refused. Say in the configuration of every member, under properties: hazelcast.max.no.heartbeat.seconds: 10.`,
      ),
    )
  }
  return findings
}

function protectionFindings(xml: string, ref: string | undefined, name: string, members: number): readonly Finding[] {
  const majority = Math.max(2, Math.floor(members / 2) + 1)
  const wrong = (what: string): readonly Finding[] => [splitBrain(name, what, majority)]
  if (ref === undefined)
    return wrong(`the map '${name}' has no split-brain-protection-ref and takes writes in any part of the cluster`)
  const [head = '', body = ''] =
    new RegExp(`<split-brain-protection (?=[^>]*name="${escaped(ref)}")([^>]*)>(.*?)</split-brain-protection>`, 's')
      .exec(xml)
      ?.slice(1) ?? []
  if (!head.includes('enabled="true"'))
    return wrong(
      `the split-brain-protection ${ref} of the map '${name}' is not enabled, and it takes writes in any part of the cluster`,
    )
  const least = Number(textOf(body, 'minimum-cluster-size') ?? 2)
  if (least < majority)
    return wrong(
      `the split-brain-protection ${ref} has minimum-cluster-size ${least} of ${members} members, so both parts of the cluster can take writes to the map '${name}'`,
    )
  const protects = textOf(body, 'protect-on') ?? 'READ_WRITE'
  return protects === 'READ_WRITE'
    ? []
    : wrong(
        `the split-brain-protection ${ref} has protect-on ${protects}, so the smaller part of the cluster still answers from the map '${name}'`,
      )
}

/** As Hazelcast chooses it: the name itself, else the pattern with most in common, else `default`. */
function mapConfig(xml: string, name: string): string {
  const maps = new Map(
    [...xml.matchAll(/<map name="([^"]*)">(.*?)<\/map>/gs)].map(([, of = '', body = '']) => [of, body]),
  )
  const patterns = [...maps.keys()].filter((pattern) => {
    const [start = '', end] = pattern.split('*')
    return end !== undefined && name.length >= pattern.length - 1 && name.startsWith(start) && name.endsWith(end)
  })
  const [closest = 'default'] = patterns.sort((a, b) => b.length - a.length)
  return maps.get(name) ?? maps.get(closest) ?? ''
}

const textOf = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`).exec(xml)?.[1]

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
