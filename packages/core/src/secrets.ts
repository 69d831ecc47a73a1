import { createSecretKey, type KeyObject } from 'node:crypto'
import { ConfigError } from './errors.js'
import type { SessionOptions } from './types.js'

/** The output length of SHA-256: a shorter HMAC key is weaker than the signature (RFC 2104, 3). */
const LEAST_BYTES = 32
const ADVICE = `Make one and keep it in the environment: node -p "require('crypto').randomBytes(32).toString('base64url')"`

/** The keys of `secret`, newest first. The newest must be there; absent older ones are skipped. No error shows a secret. */
export function keyRing(secret: SessionOptions['secret']): readonly KeyObject[] {
  if (!Array.isArray(secret)) return [keyOf(secret, 'secret')]
  const secrets: readonly unknown[] = secret
  const [newest, ...older] = secrets.map((value, index) => ({ value, option: `secret[${index}]` }))
  const present = older.filter(({ value }) => value !== undefined && value !== '')
  return [newest ?? { value: undefined, option: 'secret[0]' }, ...present].map(({ value, option }) =>
    keyOf(value, option),
  )
}

function keyOf(value: unknown, option: string): KeyObject {
  if (value === undefined || value === '')
    throw new ConfigError(`${option} is missing: cookies are signed with it. ${ADVICE}`)
  if (typeof value !== 'string') throw new ConfigError(`${option} is of type ${typeof value}. Give a text. ${ADVICE}`)
  const bytes = Buffer.from(value)
  if (bytes.length >= LEAST_BYTES) return createSecretKey(bytes)
  throw new ConfigError(`${option} has ${bytes.length} bytes, at least ${LEAST_BYTES} are needed. ${ADVICE}`)
}
