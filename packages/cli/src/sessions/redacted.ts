/** What kind of value each field has, and how much of it; nothing that stands in it. */
export const redacted = (data: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(data).map(([name, value]) => [name, kindOf(value)]))

function kindOf(value: unknown): string {
  if (typeof value === 'string') return counted('text', value.length, 'character')
  if (Array.isArray(value)) return counted('list', value.length, 'entry', 'entries')
  if (typeof value === 'object' && value !== null) return counted('object', Object.keys(value).length, 'field')
  return value === null ? 'null' : typeof value
}

const counted = (what: string, count: number, one: string, many = `${one}s`): string =>
  `${what} of ${count} ${count === 1 ? one : many}`
