import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto'
import { Redis } from 'ioredis'
import { SECRET, type Data } from './app.js'

/** Sessions as one would write them for one app: an HMAC in the cookie, one GET, JSON.parse, no more. */
export interface Floor {
  /** Stores a session and resolves to its Set-Cookie line. */
  create(data: Data): Promise<string>
  /** The session of this Cookie header. It costs one GET, and none when the signature is wrong. */
  load(cookies: string | undefined): Promise<{ readonly id: string; readonly data: Data } | undefined>
  /** A blind SET: of two at a time, one is lost. */
  save(id: string, data: Data): Promise<unknown>
}

export function floor(redisUrl: string): Floor {
  const redis = new Redis(redisUrl).on('error', () => {})
  const key = createSecretKey(Buffer.from(SECRET))
  const sign = (id: string): Buffer => createHmac('sha256', key).update(id).digest()
  const save = (id: string, data: Data): Promise<unknown> => redis.set(`floor:${id}`, JSON.stringify(data), 'EX', 1_800)
  return {
    save,
    async create(data) {
      const id = randomBytes(32).toString('base64url')
      await save(id, data)
      return `sid=${id}.${sign(id).toString('base64url')}; Path=/; HttpOnly; SameSite=Lax`
    },
    async load(cookies = '') {
      const [, id = '', signature = ''] = /(?:^|; )sid=([\w-]{43})\.([\w-]{43})/.exec(cookies) ?? []
      const given = Buffer.from(signature, 'base64url')
      if (given.length !== 32 || !timingSafeEqual(given, sign(id))) return undefined
      const text = await redis.get(`floor:${id}`)
      return text === null ? undefined : { id, data: JSON.parse(text) as Data }
    },
  }
}
