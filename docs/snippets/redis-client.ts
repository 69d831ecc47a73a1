import { Redis } from 'ioredis'
import { createSessions } from '@holdfast/koa'
import { redisStore } from '@holdfast/redis'

const client = new Redis({
  host: '10.0.0.9',
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 500,
  retryStrategy: (attempt) => Math.min(attempt * 50, 500),
})

export const sessions = createSessions({
  secret: process.env.SESSION_SECRET,
  store: redisStore({ client }),
})
