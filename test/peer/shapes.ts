/** Says what in a message is not of the type that `messages.ts` gives it: a second opinion on the parsers. */

type Check = (value: unknown) => boolean

const isBoolean: Check = (value) => value === true || value === false
const isFinite: Check = (value) => typeof value === 'number' && value - value === 0
const isWhole: Check = (value) => isFinite(value) && (value as number) >= 0 && Math.floor(value as number) === value
const isRevision: Check = (value) => isWhole(value) && (value as number) >= 1 && (value as number) <= 2 ** 53 - 1
const isText: Check = (value) => typeof value === 'string' && value.length <= 500
const isTag: Check = (value) => typeof value === 'string' && value.length === 8
const isKey: Check = (value) =>
  typeof value === 'string' && value.length <= 64 && value.replace(/[\w-]/g, '') === '' && value !== ''
const isName: Check = (value) => isText(value) && !/[^\w.:[\]-]/.test(value as string) && /.:\d+$/.test(value as string)
const isData: Check = (value) => value === null || typeof value === 'string'
const isUndefined: Check = (value) => value === undefined
const is =
  (only: unknown): Check =>
  (value) =>
    value === only
const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value))

/** Has these fields, each as it should be, and no others. */
const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Reflect.ownKeys(value).every((name) => typeof name === 'string' && Object.hasOwn(fields, name)) &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]))

const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length <= 65_536 && value.every(check)

const pair =
  (first: Check, second: Check): Check =>
  (value) =>
    Array.isArray(value) && value.length === 2 && first(value[0]) && second(value[1])

const isRecord = shape({ data: isData, revision: isRevision, tag: isTag, expiresAt: isFinite })
const isCurrent = either(isUndefined, isRecord)
const isOutcome = either(shape({ written: is(true) }), shape({ written: is(false), current: isCurrent }))
const isWrite = shape({ revision: isRevision, tag: isTag })
const isCondition = either(is('absent'), is('newer'), shape({ replaces: isWrite }))
const introduction = { boot: isText, list: isText, clock: isFinite, isLeaving: isBoolean }
const isOffer = shape({ key: isKey, revision: isRevision, tag: isTag, expiresAt: isFinite })

export const isRequest: Check = either(
  shape({ op: is('ping'), ...introduction }),
  shape({ op: is('read'), key: isKey }),
  shape({ op: is('write'), key: isKey, record: isRecord, condition: isCondition }),
  shape({ op: is('touch'), key: isKey, write: isWrite, expiresAt: isFinite }),
  shape({ op: is('bypassed'), key: isKey, nodes: list(isName) }),
  shape({ op: is('compare'), sums: list(isFinite) }),
  shape({ op: is('offer'), offers: list(isOffer) }),
  shape({ op: is('push'), records: list(pair(isKey, isRecord)) }),
  shape({ op: is('swept'), boot: isText, known: list(isName) }),
)

export const isReplyTo: Readonly<Record<string, Check>> = {
  ping: shape({ ...introduction, hasLease: isBoolean }),
  read: shape({ record: isCurrent, isFilling: isBoolean }),
  write: isOutcome,
  touch: isOutcome,
  bypassed: shape({ waitMs: isFinite }),
  compare: shape({ differing: list(isWhole) }),
  offer: shape({ wanted: list(isWhole) }),
  push: shape({}),
  swept: shape({}),
}
