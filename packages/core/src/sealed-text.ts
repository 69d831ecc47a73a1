import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import type { SessionRecord } from './store.js'

/** A key that seals. Its id is the beginning of a hash of it: it finds the key in a ring, and tells nothing about it. */
export interface SealKey {
  readonly id: string
  readonly key: KeyObject
}

/** `unknown-key`: the ring does not have it. `altered`: damaged, or of another record. */
export type Opened =
  { readonly text: string } | { readonly text: undefined; readonly reason: 'unknown-key' | 'altered' }

/** The write that a text belongs to: opened under another key, revision or tag it does not open. */
type Write = Pick<SessionRecord, 'revision' | 'tag'>

const CIPHER = 'aes-256-gcm'
/** Core's own texts begin with a brace or a digit. */
const MARK = 'hs1.'
export const KEY_ID_LENGTH = 6
const BODY_AT = MARK.length + KEY_ID_LENGTH + 1
const NONCE_BYTES = 12
const HEAD_BYTES = NONCE_BYTES + 16

/** True for a text that `sealText` made. */
export const isSealed = (text: string): boolean => text.startsWith(MARK)

/** `hs1.<key id>.<nonce, authentication tag and cipher text in base64url>`: 49 characters more than a third longer. */
export function sealText(text: string, { id, key }: SealKey, recordKey: string, write: Write): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(placeOf(recordKey, write))
  const sealed = [cipher.update(text, 'utf8'), cipher.final()]
  return `${MARK}${id}.${Buffer.concat([nonce, cipher.getAuthTag(), ...sealed]).toString('base64url')}`
}

/** Never throws. */
export function openText(
  sealed: string,
  keys: ReadonlyMap<string, KeyObject>,
  recordKey: string,
  write: Write,
): Opened {
  const key = keys.get(sealed.slice(MARK.length, BODY_AT - 1))
  if (!key) return { text: undefined, reason: 'unknown-key' }
  const body = Buffer.from(sealed.slice(BODY_AT), 'base64url')
  try {
    const decipher = createDecipheriv(CIPHER, key, body.subarray(0, NONCE_BYTES), { authTagLength: 16 })
    decipher.setAAD(placeOf(recordKey, write)).setAuthTag(body.subarray(NONCE_BYTES, HEAD_BYTES))
    return { text: decipher.update(body.subarray(HEAD_BYTES), undefined, 'utf8') + decipher.final('utf8') }
  } catch {
    return { text: undefined, reason: 'altered' }
  }
}

/** A key has no blanks in it. */
const placeOf = (recordKey: string, { revision, tag }: Write): Buffer => Buffer.from(`${recordKey} ${revision} ${tag}`)
