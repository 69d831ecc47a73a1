export { createSessions, type KoaSessions } from './create-sessions.js'
export {
  koaSessionStore,
  type AdoptedKoaStore,
  type KoaSessionCall,
  type KoaSessionStore,
  type KoaSessionStoreOptions,
} from './koa-session-store.js'
export type { SessionContext } from './session-property.js'
