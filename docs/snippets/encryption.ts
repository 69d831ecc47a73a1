import { encrypted } from '@holdfast/core'
import { createSessions } from '@holdfast/koa'
import { redisStore } from '@holdfast/redis'
import { Redis } from 'ioredis'

// #region option
export const sessions = createSessions({
  secret: process.env.SESSION_SECRET,
  store: process.env.SESSION_STORE,
  encryptionKeys: [process.env.SESSION_KEY, process.env.SESSION_KEY_OLD], // newest first
})
// #endregion option

// #region object
export const own = createSessions({
  secret: process.env.SESSION_SECRET,
  store: encrypted(redisStore({ client: new Redis() }), { keys: process.env.SESSION_KEY }),
})
// #endregion object

// #region begin
export const first = ['plain', process.env.SESSION_KEY] // 1. every process can open, none seals yet
export const then = [process.env.SESSION_KEY] // 2. every process seals
// #endregion begin

// #region rotate
export const known = [process.env.SESSION_KEY, process.env.SESSION_KEY_NEW] // 1. every process can open both
export const used = [process.env.SESSION_KEY_NEW, process.env.SESSION_KEY] // 2. the new one seals
export const left = [process.env.SESSION_KEY_NEW] // 3. once remember.absolute has passed
// #endregion rotate
