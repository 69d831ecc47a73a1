import { migrate, migrationStatus, moveMigration, type MigrationPhase } from '@holdfast/core'
import { createSessions } from '@holdfast/koa'
import { peerStore } from '@holdfast/peer'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'

// #region config
export const sessions = createSessions({
  secret: process.env.SESSION_SECRET,
  store: 'hazelcast://10.0.0.5,10.0.0.6,10.0.0.7/sessions', // where sessions shall be
  migrateFrom: 'redis://10.0.0.9', // where they are now
})
// #endregion config

// #region own
const from = redisStore({ client: new Redis() })
const to = peerStore({
  self: '10.0.0.1:7946',
  peers: ['10.0.0.2:7946', '10.0.0.3:7946'],
  secret: process.env.HOLDFAST_PEER_SECRET,
})
export const store = migrate({ from, to, lookEvery: '1s', absolute: '90d' })
// #endregion own

// #region page
/** For a page of your administrators. Throws a sentence where it may not be moved yet. */
export const moveTo = (phase: MigrationPhase) => moveMigration(to, phase)
export const howFar = () => migrationStatus(to)
// #endregion page

// #region phase
/** A release for each phase, in place of the commands: deploy it server by server. */
export const inPhase = migrate({ from, to, phase: 'shadow' })
// #endregion phase
