import { ConfigError, type StoreAdapter } from '@holdfast/core'
import { memoryStore } from './memory-store.js'

const OPTIONS = ['maxSessions', 'maxBytes'] as const
type Option = (typeof OPTIONS)[number]

const isOption = (name: string): name is Option => OPTIONS.some((option) => option === name)

/** Opens `memory:` and `memory:?maxSessions=100000&maxBytes=67108864`. */
export const memory: StoreAdapter = {
  name: 'memory',
  schemes: ['memory'],
  sealsItself: true,
  open: (url, { clock }) => memoryStore({ ...parse(url), clock }),
}

function parse(url: string): Partial<Record<Option, number>> {
  const query = /^memory:(?:\?(.*))?$/i.exec(url)
  if (!query) {
    throw new ConfigError(
      `store: ${JSON.stringify(url)} is not understood. Write 'memory:' or 'memory:?maxBytes=67108864'.`,
    )
  }
  const options: Partial<Record<Option, number>> = {}
  for (const [name, value] of new URLSearchParams(query[1])) {
    if (!isOption(name)) {
      throw new ConfigError(`store: 'memory:' has no option ${JSON.stringify(name)}. It has ${OPTIONS.join(' and ')}.`)
    }
    if (!/^[1-9]\d{0,14}$/.test(value)) {
      throw new ConfigError(`store: ${name} of 'memory:' is ${JSON.stringify(value)}. Use a whole number above 0.`)
    }
    options[name] = Number(value)
  }
  return options
}
