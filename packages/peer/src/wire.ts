import type { SessionRecord, WriteOutcome } from '@holdfast/core'
import { BadMessageError, frameOf, listFields, recordFields, type Field, type Fields } from './fields.js'
import type { Introduction, Offer, PeerReplies, PeerRequest, WriteId } from './messages.js'

/** The second field of a frame, after the number of the request. */
export const KIND = { request: 0, reply: 1, failure: 2, tooLarge: 3 } as const

type Op = PeerRequest['op']
type AnyReply = PeerReplies[Op]
type PeerCondition = Extract<PeerRequest, { op: 'write' }>['condition']

/** Throws `SessionTooLargeError` when it does not fit into a frame. */
export const requestFrame = (id: number, request: PeerRequest): Buffer =>
  frameOf([id, KIND.request, request.op, ...requestFields(request)])

export const replyFrame = (id: number, op: Op, reply: AnyReply): Buffer =>
  frameOf([id, KIND.reply, ...replyFields(op, reply)])

function requestFields(request: PeerRequest): Field[] {
  switch (request.op) {
    case 'ping':
      return introductionFields(request)
    case 'read':
      return [request.key]
    case 'write':
      return [request.key, ...recordFields(request.record), ...conditionFields(request.condition)]
    case 'touch':
      return [request.key, request.write.revision, request.write.tag, request.expiresAt]
    case 'bypassed':
      return [request.key, ...listFields(request.nodes, (node) => [node])]
    case 'compare':
      return listFields(request.sums, (sum) => [sum])
    case 'offer':
      return listFields(request.offers, ({ key, revision, tag, expiresAt }) => [key, revision, tag, expiresAt])
    case 'push':
      return listFields(request.records, ([key, record]) => [key, ...recordFields(record)])
    case 'swept':
      return [request.boot, ...listFields(request.known, (name) => [name])]
  }
}

/** The rest of a request. One that this node does not know is a bad message: its sender is newer. */
export function parseRequest(fields: Fields): PeerRequest {
  const request = requestOf(fields.text('op'), fields)
  fields.end()
  return request
}

function requestOf(op: string, fields: Fields): PeerRequest {
  switch (op as Op) {
    case 'ping':
      return { op: 'ping', ...parseIntroduction(fields) }
    case 'read':
      return { op: 'read', key: fields.key() }
    case 'write':
      return { op: 'write', key: fields.key(), record: fields.record(), condition: parseCondition(fields) }
    case 'touch':
      return { op: 'touch', key: fields.key(), write: parseWriteId(fields), expiresAt: fields.finite('expiresAt') }
    case 'bypassed':
      return { op: 'bypassed', key: fields.key(), nodes: fields.list('nodes', () => fields.name('node')) }
    case 'compare':
      return { op: 'compare', sums: fields.list('sums', () => fields.finite('sum')) }
    case 'offer':
      return { op: 'offer', offers: fields.list('offers', () => parseOffer(fields)) }
    case 'push':
      return { op: 'push', records: fields.list('records', () => [fields.key(), fields.record()] as const) }
    case 'swept':
      return { op: 'swept', boot: fields.text('boot'), known: fields.list('known', () => fields.name('node')) }
    default:
      throw new BadMessageError(`it asks for ${JSON.stringify(op)}, which this node does not know`)
  }
}

function replyFields(op: Op, reply: AnyReply): Field[] {
  switch (op) {
    case 'ping': {
      const introduction = reply as PeerReplies['ping']
      return [...introductionFields(introduction), introduction.hasLease]
    }
    case 'read': {
      const { isFilling, record } = reply as PeerReplies['read']
      return [isFilling, ...maybeRecordFields(record)]
    }
    case 'write':
    case 'touch':
      return outcomeFields(reply as WriteOutcome)
    case 'bypassed':
      return [(reply as PeerReplies['bypassed']).waitMs]
    case 'compare':
      return listFields((reply as PeerReplies['compare']).differing, (bucket) => [bucket])
    case 'offer':
      return listFields((reply as PeerReplies['offer']).wanted, (index) => [index])
    case 'push':
    case 'swept':
      return []
  }
}

/** The rest of the reply to a request of this node. */
export function parseReply(op: Op, fields: Fields): AnyReply {
  const reply = replyOf(op, fields)
  fields.end()
  return reply
}

function replyOf(op: Op, fields: Fields): AnyReply {
  switch (op) {
    case 'ping':
      return { ...parseIntroduction(fields), hasLease: fields.flag('hasLease') }
    case 'read':
      return { isFilling: fields.flag('isFilling'), record: parseMaybeRecord(fields) }
    case 'write':
    case 'touch':
      return parseOutcome(fields)
    case 'bypassed':
      return { waitMs: fields.finite('waitMs') }
    case 'compare':
      return { differing: fields.list('differing', () => fields.whole('bucket')) }
    case 'offer':
      return { wanted: fields.list('wanted', () => fields.whole('index')) }
    case 'push':
    case 'swept':
      return {}
  }
}

const introductionFields = ({ boot, list, clock, isLeaving }: Introduction): Field[] => [boot, list, clock, isLeaving]

const parseIntroduction = (fields: Fields): Introduction => ({
  boot: fields.text('boot'),
  list: fields.text('list'),
  clock: fields.finite('clock'),
  isLeaving: fields.flag('isLeaving'),
})

const conditionFields = (condition: PeerCondition): Field[] =>
  typeof condition === 'string' ? [condition] : ['replaces', condition.replaces.revision, condition.replaces.tag]

function parseCondition(fields: Fields): PeerCondition {
  const condition = fields.text('condition')
  if (condition === 'absent' || condition === 'newer') return condition
  if (condition === 'replaces') return { replaces: parseWriteId(fields) }
  throw new BadMessageError(`its condition is ${JSON.stringify(condition)}, which this node does not know`)
}

const maybeRecordFields = (record: SessionRecord | undefined): Field[] =>
  record ? [true, ...recordFields(record)] : [false]

const parseMaybeRecord = (fields: Fields): SessionRecord | undefined =>
  fields.flag('hasRecord') ? fields.record() : undefined

const outcomeFields = (outcome: WriteOutcome): Field[] =>
  outcome.written ? [true] : [false, ...maybeRecordFields(outcome.current)]

const parseOutcome = (fields: Fields): WriteOutcome =>
  fields.flag('written') ? { written: true } : { written: false, current: parseMaybeRecord(fields) }

const parseWriteId = (fields: Fields): WriteId => ({ revision: fields.whole('revision', 1), tag: fields.tag() })

const parseOffer = (fields: Fields): Offer => ({
  key: fields.key(),
  revision: fields.whole('revision', 1),
  tag: fields.tag(),
  expiresAt: fields.finite('expiresAt'),
})
