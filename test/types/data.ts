import type { CheckedData, Session, SessionOptions } from '@holdfast/core'

declare function createSessions<Data extends object = Record<string, unknown>>(
  options: SessionOptions<Data> & CheckedData<Data>,
): Session<Data>

const secret = process.env['SESSION_SECRET']

interface Tree {
  name: string
  children: Tree[]
}
type Role = 'admin' | 'guest'

// What JSON gives back as it was: any nesting, unions, optional and read-only fields, recursion, brands.
createSessions({ secret })
createSessions<{ userId: string; visits: number; vip: boolean; nothing: null }>({ secret })
createSessions<{ cart?: { items: readonly { sku: string; count: number }[] } }>({ secret })
createSessions<{ readonly at: [number, number]; role: Role | undefined; byId: Record<string, Role> }>({ secret })
createSessions<{ tree: Tree; step: { kind: 'a'; a: number } | { kind: 'b'; b: string } }>({ secret })
createSessions<{ id2: string & { readonly brand: unique symbol } }>({ secret })
createSessions<{ payload: unknown; list: unknown[] }>({ secret })

// What JSON would change.
// @ts-expect-error a Date comes back as text
createSessions<{ at: Date }>({ secret })
// @ts-expect-error a Map comes back as {}
createSessions<{ deep: { map: Map<string, string> } }>({ secret })
// @ts-expect-error so does a Set
createSessions<{ list: Set<string>[] }>({ secret })
// @ts-expect-error JSON has no bigint
createSessions<{ count: bigint }>({ secret })
// @ts-expect-error a function is dropped
createSessions<{ greet: () => string }>({ secret })
// @ts-expect-error a symbol is dropped
createSessions<{ mark: symbol }>({ secret })
// @ts-expect-error bytes come back as an object of numbers
createSessions<{ bytes: Uint8Array }>({ secret })
// @ts-expect-error undefined in an array comes back as null
createSessions<{ list: (string | undefined)[] }>({ secret })
// @ts-expect-error one bad member of a union is enough
createSessions<{ at: string | Date }>({ secret })

// Names that would hide a member of the session, and those of the libraries that people come from.
// @ts-expect-error id is the session's
createSessions<{ id: string }>({ secret })
// @ts-expect-error save is a method
createSessions<{ save: boolean }>({ secret })
// @ts-expect-error remember is a method
createSessions<{ remember: boolean }>({ secret })
// @ts-expect-error isNew is a member
createSessions<{ isNew: boolean }>({ secret })
// @ts-expect-error there is no session.cookie
createSessions<{ cookie: string }>({ secret })
// @ts-expect-error there is no session.maxAge
createSessions<{ maxAge: number }>({ secret })
// @ts-expect-error touch is reserved
createSessions<{ touch: number }>({ secret })
// @ts-expect-error resetMaxAge is reserved
createSessions<{ resetMaxAge: number }>({ secret })

// Options know the fields, durations and choices.
createSessions<{ csrf: string }>({ secret, merge: { csrf: 'reject' }, idle: '30m', absolute: 43_200_000 })
// @ts-expect-error merge names a field that is not there
createSessions<{ csrf: string }>({ secret, merge: { csfr: 'reject' } })
// @ts-expect-error a duration has a unit
createSessions({ secret, idle: '30' })
// @ts-expect-error there is no option httpOnly
createSessions({ secret, cookie: { httpOnly: false } })
// @ts-expect-error the secret is not optional
createSessions({})
createSessions({ secret: [secret, undefined], store: process.env['SESSION_STORE'], remember: { idle: '14d' } })

// Data without a type is unknown, never any.
const untyped = createSessions({ secret })
const anything: unknown = untyped['anything']
void anything
// @ts-expect-error unknown has no fields
void untyped['anything'].goes
