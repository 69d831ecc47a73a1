import { type AdoptedStore, ConfigError } from '@holdfast/core'

type Callback = (error?: unknown, answer?: unknown) => void

/** What is asked of a store for express-session: `connect-redis`, `MemoryStore`, any. `all` and `clear` are for these methods only. */
export interface OldStore {
  get(sid: string, callback: Callback): unknown
  destroy(sid: string, callback: Callback): unknown
  all?(callback: Callback): unknown
  clear?(callback: Callback): unknown
}

interface Cookie {
  readonly expires?: Date | string | null | false
  readonly originalMaxAge?: number | null | false
  toJSON?(): object
}
export type Fields = Record<string, unknown> & { readonly cookie?: Cookie }

/**
 * As it is stored. express-session takes `originalMaxAge` from two looks at the clock, so that it may lose a ms with each
 * request: to 10 ms it stays what the app said.
 */
export function storedCookie({ cookie }: Fields): Cookie | undefined {
  const { toJSON: _, ...plain } = (cookie?.toJSON?.() ?? cookie ?? {}) as Cookie
  if (!cookie || typeof plain.originalMaxAge !== 'number') return cookie && plain
  return { ...plain, originalMaxAge: Math.round(plain.originalMaxAge / 10) * 10 }
}

/** Without the deadline, which is the record's. */
export const cookieText = (session: Fields): string => JSON.stringify({ ...storedCookie(session), expires: undefined })

/**
 * When a session ends that is used now: after `cookie.maxAge`, for stores leave an old `expires` there when they touch.
 * `undefined`: it has no such end.
 */
export function deadlineOf({ cookie }: Fields, now: number): number | undefined {
  const { expires, originalMaxAge } = cookie ?? {}
  if (expires === undefined || expires === null || expires === false) return undefined
  return typeof originalMaxAge === 'number' ? now + originalMaxAge : new Date(expires).getTime()
}

const asked = (ask: (callback: Callback) => unknown): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const answer: Callback = (error, value) => (error && !isAbsence(error) ? reject(error as Error) : resolve(value))
    ask(answer)
  })

/** How a store for express-session may say that it has nothing. */
const isAbsence = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOENT'

/** Throws `ConfigError` for what is no store. */
export function adoptedStore(old: OldStore, now: () => number): AdoptedStore {
  if (typeof old?.get !== 'function' || typeof old.destroy !== 'function')
    throw new ConfigError(
      'adopt is no store for express-session: it has no get or no destroy. Give the store that the app had.',
    )
  return {
    async get(sid) {
      const data = await asked((callback) => old.get(sid, callback))
      if (typeof data !== 'object' || data === null) return undefined
      return { data, expiresAt: deadlineOf(data as Fields, now()) }
    },
    async destroy(sid) {
      await asked((callback) => old.destroy(sid, callback))
    },
  }
}

/** The ids of the sessions that it has. */
export async function idsOf(old: OldStore): Promise<string[]> {
  if (typeof old.all !== 'function') throw lacking('all', 'list')
  const all = await asked((callback) => old.all?.(callback))
  if (Array.isArray(all)) return all.map(({ id }: { id: string }) => id)
  return Object.keys(all ?? {})
}

export async function clearOld(old: OldStore): Promise<void> {
  if (typeof old.clear !== 'function') throw lacking('clear', 'clear')
  await asked((callback) => old.clear?.(callback))
}

const lacking = (method: string, what: string): ConfigError =>
  new ConfigError(
    `The store that is adopted has no ${method}(), so its sessions are not known to this one. To ${what} all, wait until the old ones are over and leave adopt out.`,
  )
