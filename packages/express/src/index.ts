export { createSessions, type ExpressSessions, type SessionRequest } from './create-sessions.js'
export {
  expressSessionStore,
  type ExpressSessionStore,
  type ExpressSessionStoreOptions,
  type ListedSession,
  type StoredFields,
} from './express-session-store.js'
export type { OldStore } from './old-store.js'
