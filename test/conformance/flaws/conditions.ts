import { isNewer, isTombstone, mayWrite, type WriteCondition } from '@holdfast/core'
import { allowing, type Flaw } from './flaw.js'

const replaced = (condition: WriteCondition) => (typeof condition === 'object' ? condition.replaces : undefined)

const ABSENT = "the condition 'absent'"
const REPLACES = 'the condition { replaces }'
const NEWER = "the condition 'newer'"

export const conditionFlaws: readonly Flaw[] = [
  {
    what: "'absent' writes over a tombstone",
    failsIn: ABSENT,
    Store: allowing((record, condition, current) =>
      condition === 'absent' ? current?.data == null : mayWrite(record, condition, current),
    ),
  },
  {
    what: "'absent' writes over a record",
    failsIn: ABSENT,
    Store: allowing((record, condition, current) => condition === 'absent' || mayWrite(record, condition, current)),
  },
  {
    what: '{ replaces } ignores the tag',
    failsIn: REPLACES,
    Store: allowing((record, condition, current) =>
      typeof condition === 'object'
        ? current?.data != null && condition.replaces.revision === current.revision
        : mayWrite(record, condition, current),
    ),
  },
  {
    what: '{ replaces } ignores the revision',
    failsIn: REPLACES,
    Store: allowing((record, condition, current) =>
      typeof condition === 'object'
        ? current?.data != null && condition.replaces.tag === current.tag
        : mayWrite(record, condition, current),
    ),
  },
  {
    what: '{ replaces } creates',
    failsIn: REPLACES,
    Store: allowing((record, condition, current) =>
      current ? mayWrite(record, condition, current) : condition !== undefined,
    ),
  },
  {
    what: '{ replaces } writes over a tombstone that it names',
    failsIn: REPLACES,
    Store: allowing((record, condition, current) => {
      const it = replaced(condition)
      return (
        (it && current && it.tag === current.tag && it.revision === current.revision) ||
        mayWrite(record, condition, current)
      )
    }),
  },
  {
    what: '{ replaces } takes a moved deadline for a conflict',
    failsIn: REPLACES,
    Store: allowing((record, condition, current) => {
      const it = replaced(condition)
      return mayWrite(record, condition, current) && (!it || it.expiresAt === current?.expiresAt)
    }),
  },
  {
    what: "'newer' ignores the tag",
    failsIn: NEWER,
    Store: allowing((record, condition, current) =>
      condition === 'newer' && current
        ? isNewer({ ...record, tag: '' }, { ...current, tag: '' })
        : mayWrite(record, condition, current),
    ),
  },
  {
    what: "'newer' compares tags by alphabet",
    failsIn: NEWER,
    Store: allowing((record, condition, current) =>
      condition === 'newer' && current?.revision === record.revision && current.tag !== record.tag
        ? record.tag.localeCompare(current.tag, 'en') > 0
        : mayWrite(record, condition, current),
    ),
  },
  {
    what: "'newer' compares revisions as text",
    failsIn: NEWER,
    Store: allowing((record, condition, current) =>
      condition === 'newer' && current && record.revision !== current.revision
        ? String(record.revision) > String(current.revision)
        : mayWrite(record, condition, current),
    ),
  },
  {
    what: "'newer' ignores the deadline",
    failsIn: NEWER,
    Store: allowing(
      (record, condition, current) =>
        mayWrite(record, condition, current) &&
        !(condition === 'newer' && current?.revision === record.revision && current.tag === record.tag),
    ),
  },
  {
    what: "'newer' writes the same once more",
    failsIn: NEWER,
    Store: allowing(
      (record, condition, current) =>
        mayWrite(record, condition, current) ||
        (condition === 'newer' && current?.revision === record.revision && current.tag === record.tag),
    ),
  },
  {
    what: "a record is 'newer' than a tombstone",
    failsIn: 'tombstones',
    Store: allowing(
      (record, condition, current) =>
        mayWrite(record, condition, current) || (condition === 'newer' && isTombstone(current)),
    ),
  },
]
