import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { ConfigError } from './errors.js'
import { KEY_ID_LENGTH, type SealKey } from './sealed-text.js'
import type { SessionOptions } from './types.js'

/** The output length of SHA-256: a shorter HMAC key is weaker than the signature (RFC 2104, 3). That of AES-256 too. */
const KEY_BYTES = 32
const ADVICE = `Make one and keep it in the environment: node -p "require('crypto').randomBytes(32).toString('base64url')"`

/** What was given, and its name for messages. */
interface Given {
  readonly value: unknown
  readonly option: string
}

/** The keys of `secret`, newest first. The newest must be there; absent older ones are skipped. No error shows a secret. */
export const keyRing = (secret: SessionOptions['secret']): readonly KeyObject[] =>
  ringOf('secret', secret).map(signingKey)

/** What seals and what opens. Without `newest` nothing is sealed. */
export interface SealRing {
  readonly newest: SealKey | undefined
  readonly keys: ReadonlyMap<string, KeyObject>
}

/** In the first place of a ring it stands for no key at all. */
const PLAIN = 'plain'

/** The same of `encryptionKeys`, each 32 bytes in base64, base64url or hex. */
export function sealRing(option: string, given: SessionOptions['encryptionKeys']): SealRing {
  const ring = ringOf(option, given)
  const isPlain = ring.length > 1 && ring[0]?.value === PLAIN
  const keys = (isPlain ? ring.slice(1) : ring).map(sealKey)
  return { newest: isPlain ? undefined : keys[0], keys: new Map(keys.map(({ id, key }) => [id, key])) }
}

function ringOf(option: string, ring: unknown): readonly Given[] {
  if (!Array.isArray(ring)) return [{ value: ring, option }]
  const [newest, ...older] = ring.map((value: unknown, index) => ({ value, option: `${option}[${index}]` }))
  const present = older.filter(({ value }) => value !== undefined && value !== '')
  return [newest ?? { value: undefined, option: `${option}[0]` }, ...present]
}

function signingKey(given: Given): KeyObject {
  const bytes = Buffer.from(textOf(given, 'cookies are signed with it'))
  if (bytes.length >= KEY_BYTES) return createSecretKey(bytes)
  throw new ConfigError(`${given.option} has ${bytes.length} bytes, at least ${KEY_BYTES} are needed. ${ADVICE}`)
}

function sealKey(given: Given): SealKey {
  const text = textOf(given, 'sessions are sealed with it, and without the option they are not')
  const bytes = bytesOf(text)
  if (!bytes) {
    throw new ConfigError(
      `${given.option} has ${text.length} characters that are not ${KEY_BYTES} bytes in base64, base64url or hex. ${ADVICE}`,
    )
  }
  const id = createHash('sha256').update('holdfast key id ').update(bytes).digest('base64url').slice(0, KEY_ID_LENGTH)
  return { id, key: createSecretKey(bytes) }
}

function bytesOf(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  return /^[\w+/-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

function textOf({ value, option }: Given, use: string): string {
  if (value === undefined || value === '') throw new ConfigError(`${option} is missing: ${use}. ${ADVICE}`)
  if (typeof value !== 'string') throw new ConfigError(`${option} is of type ${typeof value}. Give a text. ${ADVICE}`)
  return value
}
