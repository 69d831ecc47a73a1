import { hkdfSync } from 'node:crypto'
import { ConfigError } from '@holdfast/core'

/** Nodes prove to each other by it that they have the same secret. */
export interface PreSharedKey {
  /** Tells keys apart; it goes over the wire in clear, and says nothing of the key. */
  readonly id: string
  readonly key: Buffer
}

export const LEAST_SECRET_BYTES = 32
const SALT = 'holdfast peer'
const ADVICE = `Make one and give it to all nodes: node -p "require('crypto').randomBytes(32).toString('base64url')"`

/** The keys of `secret`, newest first; at least one. Throws `ConfigError`, which shows no secret. */
export function preSharedKeys(secret: unknown): readonly PreSharedKey[] {
  if (!Array.isArray(secret)) return [keyOf('secret', secret)]
  if (secret.length === 0) throw new ConfigError(`peer: secret is an empty list. ${ADVICE}`)
  return secret.map((value, index) => keyOf(`secret[${index}]`, value))
}

function keyOf(option: string, secret: unknown): PreSharedKey {
  if (secret === undefined || secret === '')
    throw new ConfigError(`peer: ${option} is missing: nodes know each other by it. ${ADVICE}`)
  if (typeof secret !== 'string') throw new ConfigError(`peer: ${option} is of type ${typeof secret}. ${ADVICE}`)
  const bytes = Buffer.byteLength(secret)
  if (bytes < LEAST_SECRET_BYTES)
    throw new ConfigError(`peer: ${option} has ${bytes} bytes, at least ${LEAST_SECRET_BYTES} are needed. ${ADVICE}`)
  return { id: derive(secret, 'key id', 6).toString('base64url'), key: derive(secret, 'key', 32) }
}

const derive = (secret: string, use: string, bytes: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, SALT, use, bytes))
