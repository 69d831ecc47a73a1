import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const types = () => read('packages/core/src/events.ts')
const page = () => read('docs/parts/events.md')

/** By the name of an event its fields, in the order of the alphabet. */
type Fields = Readonly<Record<string, readonly string[]>>

const groups = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, group = '']) => group)
const between = (text: string, from: string, to: string): string => text.split(from)[1]?.split(to)[0] ?? ''

/** What the types say. */
export function typed(): Fields {
  const events = types()
    .split(/readonly type: /)
    .slice(1)
  return Object.fromEntries(
    events.map((event) => {
      const [text = ''] = event.split(/\nexport |\n {2}\/\*\*/)
      return [/^'([a-z-]+)'/.exec(text)?.[1] ?? '', groups(text, /readonly (\w+)/g).sort()]
    }),
  )
}

/** What the page says: one row for each event. */
export function documented(): Fields {
  const rows = [...page().matchAll(/^\| `([a-z-]+)` +\|([^|]*)\|/gm)]
  const ofEvents = rows.filter(([row]) => !between(page(), '{#call-events}', '\0').includes(row))
  return Object.fromEntries(ofEvents.map(([, name = '', fields = '']) => [name, groups(fields, /`(\w+)`/g).sort()]))
}

const calls = () => between(page(), '{#call-events}', '\0')

export const callFields = {
  typed: () => groups(between(types(), 'interface CallEvent {', '\n}'), /readonly (\w+)/g).sort(),
  documented: () => groups(between(calls(), '| Field', '| Outcome'), /^\| `(\w+)`/gm).sort(),
}

export const outcomes = {
  typed: () => groups(between(types(), 'type CallOutcome =', '/** One call'), /\| '([a-z]+)'/g).sort(),
  documented: () => groups(between(calls(), '| Outcome', '\0'), /^\| `(\w+)`/gm).sort(),
}
