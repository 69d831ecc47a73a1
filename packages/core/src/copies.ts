import type { CallTime } from './call-time.js'
import { decode } from './codec.js'
import { isStoreUnavailable } from './errors.js'
import { join } from './join.js'
import type { Replica } from './member.js'
import {
  type CallOptions,
  isSameWrite,
  isTombstone,
  type SessionRecord,
  type WriteCondition,
  type WriteOutcome,
} from './store.js'

/** What each member held when it was asked; it travels as the token of a record, so that a write needs no second read. */
export class View {
  readonly held = new Map<Replica, SessionRecord | undefined>()
  failures = 0
  cause: unknown
}

type Decision =
  | { readonly is: 'written' | 'there'; readonly record: SessionRecord }
  | { readonly is: 'refused'; readonly current: SessionRecord }
  | { readonly is: 'lacking' }

/**
 * The compare-and-set that decides, on the first member that answers. What stands there must say nothing that the base
 * does not say; an update never creates, so a member that has nothing leaves the decision to the next. A write whose
 * outcome was unknown may be there already: then the other members still need it.
 */
export async function decide(
  member: Pick<Replica, 'store'>,
  key: string,
  record: SessionRecord,
  base: SessionRecord | undefined,
  before: SessionRecord | undefined,
  time: CallTime,
): Promise<Decision> {
  let current = before
  for (;;) {
    if (current) {
      if (isSameWrite(current, record) && !(base && isSameWrite(base, record))) return { is: 'there', record: current }
      if (!base || isTombstone(current)) return { is: 'refused', current }
      if (!isSameWrite(base, current)) {
        const both = isReadable(base) && isReadable(current) ? join(current, base) : current
        if (!isSameWrite(base, both)) return { is: 'refused', current: both }
      }
    } else if (base) return { is: 'lacking' }
    const condition = current ? { replaces: current } : 'absent'
    const outcome = await member.store.write(key, record, condition, time.next(true))
    if (outcome.written) return { is: 'written', record }
    current = outcome.current
  }
}

/**
 * Makes `member` hold a record that says all that `record` does; resolves to what it holds then. `record` was made from
 * `base`, where there is one, and replaces it without being joined with it.
 */
export async function bring(
  member: Pick<Replica, 'store'>,
  key: string,
  record: SessionRecord,
  before: SessionRecord | undefined,
  time: CallTime,
  base?: SessionRecord,
): Promise<SessionRecord> {
  let wanted = record
  for (let held = before; ;) {
    if (held && !(base && isSameWrite(held, base))) {
      wanted = join(held, wanted)
      if (holds(held, wanted)) return held
    }
    const outcome = await member.store.write(key, wanted, conditionFor(wanted, held), time.next(true))
    if (outcome.written) return wanted
    held = outcome.current
    // Two tombstones: the store's order may prefer the other one, and either says that the session is over.
    if (held && isTombstone(held) && isTombstone(wanted)) return held
  }
}

const conditionFor = (wanted: SessionRecord, held: SessionRecord | undefined): WriteCondition =>
  isTombstone(wanted) ? 'newer' : held ? { replaces: held } : 'absent'

/** Whether the copy `held` says all that `record` says. */
export function holds(held: SessionRecord, record: SessionRecord): boolean {
  if (held === record) return true
  const joined = join(held, record)
  return isSameWrite(joined, held) && joined.expiresAt <= held.expiresAt && joined.data === held.data
}

export const isMiss = (error: unknown): boolean => isStoreUnavailable(error) && error.isMiss

/** What a member holds that is to be written. */
export async function heldBy(member: Replica, key: string, call: CallOptions): Promise<SessionRecord | undefined> {
  try {
    return await member.store.read(key, call)
  } catch (error) {
    if (isMiss(error)) return undefined
    throw error
  }
}

/** What stands for a text that no store of ours wrote: it has no write of its own. */
export const isForeign = ({ revision, tag }: SessionRecord): boolean => revision === 0 && tag === ''

const isReadable = ({ data }: SessionRecord): boolean => data !== null && decode(data).state === 'ok'

export function joinAll(records: Iterable<SessionRecord | undefined>): SessionRecord | undefined {
  let joined: SessionRecord | undefined
  for (const record of records) joined = joined && record ? join(joined, record) : (joined ?? record)
  return joined
}

/** Without a token: that of one member says nothing to another, and a cas id of one may mean something else there. */
export const bare = ({ data, revision, tag, expiresAt }: SessionRecord): SessionRecord => ({
  data,
  revision,
  tag,
  expiresAt,
})

export const withView = (record: SessionRecord, token: View): SessionRecord => ({ ...bare(record), token })

export const viewOf = ({ token }: SessionRecord): View | undefined => (token instanceof View ? token : undefined)

export const currentOf = (outcome: WriteOutcome): SessionRecord | undefined =>
  outcome.written ? undefined : outcome.current

export const refusal = (current: SessionRecord | undefined): WriteOutcome => ({
  written: false,
  current: current && bare(current),
})
