const ITEM = /^VALUE (\S+) \d+ (\d+) (\d+)$/
const END = 'END'

interface Split {
  /** What the library may parse now. */
  readonly ready: string[]
  /** The beginning of an item whose end has not arrived. */
  readonly rest: string[]
}

/**
 * Makes the lines of a reply safe for the parser of the library, which takes one line for the whole item and parses JSON
 * in it where its flags have bit 2; broken JSON ends the process. Items of `isOurs` are put together by their length and
 * lose their flags; whatever somebody else wrote under our key is then text.
 */
export function splitWholeItems(lines: readonly string[], isOurs: (key: string) => boolean): Split {
  const ready: string[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    const [, key = '', bytes = '', casId = ''] = ITEM.exec(line) ?? []
    if (!isOurs(key)) {
      ready.push(line)
      continue
    }
    const end = endOfItem(lines, at + 1, Number(bytes))
    if (end === undefined) return { ready, rest: lines.slice(at) }
    ready.push(`VALUE ${key} 0 ${bytes} ${casId}`, lines.slice(at + 1, end).join('\r\n'), END)
    at = end
  }
  return { ready, rest: [] }
}

/**
 * Where the `END` after an item stands: behind so many bytes, as `gets` of one key is answered by one item. Bytes that are
 * no UTF-8 have become longer by now, so the length alone would not find it.
 */
function endOfItem(lines: readonly string[], from: number, bytes: number): number | undefined {
  let arrived = -2
  for (let at = from; at < lines.length; at++) {
    if (arrived >= bytes && lines[at] === END) return at
    arrived += 2 + Buffer.byteLength(lines[at] as string)
  }
  return undefined
}
