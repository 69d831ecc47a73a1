// #region administer
import { administer } from '@holdfast/core'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'

const client = new Redis('redis://10.0.0.9:6379')
const sessions = administer(redisStore({ client }))

for await (const session of sessions.list()) {
  if (session.state === 'live' && session.userId === undefined) await sessions.destroy(session.id)
}
// #endregion administer
