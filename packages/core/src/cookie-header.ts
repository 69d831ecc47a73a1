const NO_VALUES: readonly string[] = []

/**
 * The values of the cookies of one name in a `Cookie` header, byte for byte, in its order; at most `most` + 1 of them.
 * `prefix` is the name and `=`. Only blanks and tabs around a pair are dropped: no quotes, no `$Version`, no other space,
 * since each leniency has let a cookie pass for another (GHSA-r5rp-j6wh-rvv4). Linear in the header's length.
 */
export function cookieValues(header: string, prefix: string, most: number): readonly string[] {
  let at = header.indexOf(prefix)
  if (at === -1) return NO_VALUES
  const values: string[] = []
  for (; at !== -1 && values.length <= most; at = header.indexOf(prefix, at + prefix.length)) {
    if (beginsPair(header, at)) values.push(valueFrom(header, at + prefix.length))
  }
  return values
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

function beginsPair(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--
  return before < 0 || header[before] === ';'
}

function valueFrom(header: string, start: number): string {
  const semicolon = header.indexOf(';', start)
  let end = semicolon === -1 ? header.length : semicolon
  while (end > start && isBlank(header.charCodeAt(end - 1))) end--
  return header.slice(start, end)
}
