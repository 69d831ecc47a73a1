import {
  applyChange,
  type Change,
  type ChangeLimits,
  dataOf,
  type Draft,
  isTooLarge,
  rejectedField,
} from './changes.js'
import { conflictsWith, type FieldChange, fieldChanges, putOver } from './merge.js'

/** Told of a change that is impossible by itself. */
type Refuse = (change: Change, error: unknown) => void

/** Puts changes over a draft in their order, as if each came alone; one that is impossible is refused and left out. */
export function compose(draft: Draft, changes: readonly Change[], limits: ChangeLimits, refuse: Refuse): Draft {
  return (changes.length > 1 && allAtOnce(draft, changes, limits, refuse)) || oneByOne(draft, changes, limits, refuse)
}

function oneByOne(draft: Draft, changes: readonly Change[], limits: ChangeLimits, refuse: Refuse): Draft {
  let composed = draft
  for (const change of changes) {
    try {
      composed = applyChange(composed, change, limits)
    } catch (error) {
      refuse(change, error)
    }
  }
  return composed
}

/**
 * Parses the draft once, not once for each change: 250 changes that meet on a session of 2,500 fields would block the
 * process for longer than their commits may take. `undefined`, and nothing refused, when the result is too large: then
 * it must be found which of them is to blame.
 */
function allAtOnce(draft: Draft, changes: readonly Change[], limits: ChangeLimits, refuse: Refuse): Draft | undefined {
  const data = dataOf(draft.text)
  const fieldsOf = fieldReader()
  const refused = new Map<Change, string>()
  let header: Change['header'] = {}
  for (const change of changes) {
    const fields = fieldsOf(change)
    const rejected = rejectedIn(data, fields, limits)
    if (rejected === undefined) {
      putOver(data, fields)
      header = { ...header, ...change.header }
    } else refused.set(change, rejected)
  }
  const text = JSON.stringify(data)
  if (isTooLarge(text, limits.maxBytes)) return undefined
  for (const [change, field] of refused) refuse(change, rejectedField(field))
  return { ...draft, ...header, text }
}

function rejectedIn(
  data: Record<string, unknown>,
  fields: readonly FieldChange[],
  { rejectFields }: ChangeLimits,
): string | undefined {
  if (rejectFields.size === 0) return undefined
  return conflictsWith(data, fields).find((field) => rejectFields.has(field))
}

/** What each change did, found once: while others win, it is composed again and again. */
const known = new WeakMap<Change, readonly FieldChange[]>()

/** Requests that meet have mostly read the same record; its text is parsed once then. */
function fieldReader(): (change: Change) => readonly FieldChange[] {
  let base: { readonly text: string; readonly data: Record<string, unknown> } | undefined
  return (change) => {
    let fields = known.get(change)
    if (fields === undefined) {
      if (base?.text !== change.baseText) base = { text: change.baseText, data: dataOf(change.baseText) }
      fields = fieldChanges(base.data, dataOf(change.text))
      known.set(change, fields)
    }
    return fields
  }
}
