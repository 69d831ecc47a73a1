type Data = Readonly<Record<string, unknown>>

export interface Merged {
  readonly data: Record<string, unknown>
  /** The top-level fields that both sides changed, to different values; `data` has mine there, or both sides' by path. */
  readonly conflicts: readonly string[]
}

/** What one request did to one top-level field; undefined stands for "not there". */
export interface FieldChange {
  readonly name: string
  readonly was: unknown
  readonly is: unknown
}

/**
 * Three-way merge of session data: what `mine` changed against `base`, put over `theirs`. Nested plain objects merge by
 * path, arrays and scalars whole; a removal is a change; where both changed one value, mine stands. Values are compared
 * as JSON, so undefined counts as removed. The inputs stay as they are, but the result may share nested values with
 * them. A key `__proto__` is left out.
 */
export function mergeData(base: Data, mine: Data, theirs: Data): Merged {
  const changes = fieldChanges(base, mine)
  const data = mergeObjects({}, {}, theirs)
  const conflicts = conflictsWith(data, changes)
  putOver(data, changes)
  return { data, conflicts }
}

/** The fields that `mine` changed against `base`. */
export function fieldChanges(base: Data, mine: Data): readonly FieldChange[] {
  return namesOf(base, mine)
    .filter((name) => !isSame(valueOf(base, name), valueOf(mine, name)))
    .map((name) => ({ name, was: valueOf(base, name), is: valueOf(mine, name) }))
}

/** The names of the changed fields that `theirs` changed too, to another value. */
export function conflictsWith(theirs: Data, changes: readonly FieldChange[]): readonly string[] {
  const conflicting = changes.filter(({ name, was, is }) => {
    const other = valueOf(theirs, name)
    return !isSame(was, other) && !isSame(is, other)
  })
  return conflicting.map(({ name }) => name)
}

/** Merges the changes into `data`, in place at the top level: its nested values are replaced, never changed. */
export function putOver(data: Record<string, unknown>, changes: readonly FieldChange[]): void {
  for (const { name, was, is } of changes) {
    const value = mergeValues(was, is, valueOf(data, name))
    if (value === undefined) delete data[name]
    else data[name] = value
  }
}

function mergeObjects(base: Data, mine: Data, theirs: Data): Record<string, unknown> {
  const merged: Record<string, unknown> = {}
  for (const name of namesOf(theirs, mine)) {
    const value = mergeValues(valueOf(base, name), valueOf(mine, name), valueOf(theirs, name))
    if (value !== undefined) merged[name] = value
  }
  return merged
}

/** Undefined stands for "not there". */
function mergeValues(base: unknown, mine: unknown, theirs: unknown): unknown {
  if (isSame(base, mine)) return theirs
  if (isPlainObject(mine) && isPlainObject(theirs)) return mergeObjects(isPlainObject(base) ? base : {}, mine, theirs)
  return mine
}

/** The names in both, those of the first in front: merging keeps the order of what is stored. */
const namesOf = (first: Data, second: Data): readonly string[] =>
  [...new Set([...Object.keys(first), ...Object.keys(second)])].filter((name) => name !== '__proto__')

/** Undefined where JSON has nothing: a missing name, an inherited one, undefined, a function, a symbol. */
function valueOf(data: Data, name: string): unknown {
  const value = Object.hasOwn(data, name) ? data[name] : undefined
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value
}

const isPlainObject = (value: unknown): value is Data => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Equal as JSON, in whatever order the names of objects stand. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isPlainObject(a) && isPlainObject(b))
    return namesOf(a, b).every((name) => isSame(valueOf(a, name), valueOf(b, name)))
  return JSON.stringify(a) === JSON.stringify(b)
}
