/**
 * True when two lists are the same but for one name: added, removed, or one exchanged for another. Nodes that are
 * restarted one after the other with a list that was changed by one name differ so.
 */
export function differByOneAtMost(ours: readonly string[], theirs: readonly string[]): boolean {
  return missing(ours, theirs) <= 1 && missing(theirs, ours) <= 1
}

/** How many names of `list` are not in `other`. */
function missing(list: readonly string[], other: readonly string[]): number {
  const names = new Set(other)
  return new Set(list.filter((name) => !names.has(name))).size
}
