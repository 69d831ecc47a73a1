import { replicate } from '@holdfast/core'
import { createSessions } from '@holdfast/koa'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'

const settings = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 500,
}
const store = replicate(
  {
    a: redisStore({ client: new Redis('redis://10.0.0.9', settings) }),
    b: redisStore({ client: new Redis('redis://10.0.0.10', settings) }),
    c: redisStore({ client: new Redis('redis://10.0.0.11', settings) }),
  },
  { copies: 2 },
)
const sessions = createSessions<{ userId: string }>({ secret: process.env.SESSION_SECRET, store })

export { sessions, store }
