import { randomBytes } from 'node:crypto'
import { TOMBSTONE_REVISION, type SessionRecord } from '@holdfast/core'

const HALF_AN_HOUR_MS = 1_800_000

/** A key as core makes them: 43 characters, never the same twice. */
export const createKey = (): string => randomBytes(32).toString('base64url')

/** 8 random characters, new for each write. */
export const createTag = (): string => randomBytes(6).toString('base64url')

/** The first write of a session that ends in half an hour; give what matters to the test. */
export const createRecord = (fields: Partial<SessionRecord> = {}): SessionRecord => ({
  data: '{"userId":"ada"}',
  revision: 1,
  tag: createTag(),
  expiresAt: Date.now() + HALF_AN_HOUR_MS,
  ...fields,
})

/** What destroying a session writes. */
export const createTombstone = (fields: Partial<SessionRecord> = {}): SessionRecord =>
  createRecord({ data: null, revision: TOMBSTONE_REVISION, ...fields })

/** The write that follows `record`: one revision more, a tag of its own. */
export const createSuccessor = (record: SessionRecord, fields: Partial<SessionRecord> = {}): SessionRecord =>
  createRecord({ revision: record.revision + 1, expiresAt: record.expiresAt, ...fields })
