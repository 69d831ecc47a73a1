export { createSessions, type ExpressSessions, type SessionRequest } from './create-sessions.js'
