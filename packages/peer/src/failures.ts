import { isSessionTooLarge, isStoreUnavailable, SessionTooLargeError } from '@holdfast/core'
import { frameOf, shortText, type Fields } from './fields.js'
import { AnsweredFailure } from './transport.js'
import { KIND } from './wire.js'

/** The answer that says why there is none. */
export function failureFrame(id: number, error: unknown): Buffer {
  if (isSessionTooLarge(error)) return frameOf([id, KIND.tooLarge, error.bytes, error.limit])
  if (isStoreUnavailable(error)) return frameOf([id, KIND.failure, error.refused, shortText(error.message)])
  const reason = error instanceof Error ? error.message : String(error)
  return frameOf([id, KIND.failure, false, shortText(`it failed: ${reason}`)])
}

/** What a call rejects with, by the rest of such an answer. */
export function parseFailure(peer: string, fields: Fields): AnsweredFailure {
  const refused = fields.flag('refused')
  const message = fields.text('message')
  fields.end()
  return new AnsweredFailure(`peer ${peer}: ${message}`, { refused })
}

export function parseTooLarge(fields: Fields): SessionTooLargeError {
  const bytes = fields.whole('bytes')
  const limit = fields.whole('limit')
  fields.end()
  return new SessionTooLargeError(bytes, limit)
}
