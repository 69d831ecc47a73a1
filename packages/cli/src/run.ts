import { isHoldfastError, isStoreUnavailable, type SessionStore, StoreUnavailableError } from '@holdfast/core'
import { answered, type OpenOptions, openStore, shown } from './open-store.js'
import type { Terminal } from './terminal.js'

/** The answer is no: no such session, a setting that is wrong. */
export const NO = 1
/** It could not be asked. */
export const FAILED = 2

/** Runs a command that resolves to its exit code; what it rejects with is a sentence and exit code 2. */
export async function run(terminal: Terminal, command: () => Promise<number>): Promise<void> {
  try {
    terminal.end(await command())
  } catch (error) {
    terminal.end(FAILED)
    terminal.complain(isHoldfastError(error) ? error.message : String((error as Error).stack ?? error))
  }
}

const PROBE_KEY = 'holdfast-cli-probe'
const isThere = (store: SessionStore): Promise<unknown> => store.read(PROBE_KEY)

/**
 * Opens the store of a URL, waits until it answers what it is asked first, and closes it in the end. `ask` is asked again
 * while the store is connecting.
 */
export async function withStore<T>(
  url: string,
  use: (store: SessionStore) => Promise<T>,
  { ask = isThere, ...options }: OpenOptions & { readonly ask?: (store: SessionStore) => Promise<unknown> } = {},
): Promise<T> {
  const store = await openStore(url, options)
  try {
    await answered(() => ask(store)).catch((error: unknown) => {
      if (!isStoreUnavailable(error)) throw error
      throw new StoreUnavailableError(`${shown(url)} does not answer: ${reasonOf(error)}`, { cause: error })
    })
    return await use(store)
  } finally {
    await store.close()
  }
}

function reasonOf(error: Error): string {
  const { cause } = error
  const detail = cause instanceof Error && !error.message.includes(cause.message) ? ` (${cause.message})` : ''
  const hint = error.message.includes('Start it') ? '' : ' Start the server, or correct the address.'
  return error.message + detail + hint
}

/** What a store warns of when it starts is for the app's log; here `doctor` says it. All other warnings are printed. */
export function withoutWarnings(): void {
  const printers = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.name !== 'HoldfastWarning') for (const print of printers) print(warning)
  })
}
