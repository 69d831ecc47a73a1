export { createSessions, type KoaSessions } from './create-sessions.js'
export type { SessionContext } from './session-property.js'
