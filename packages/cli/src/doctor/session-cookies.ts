import type { Answer, SetCookie } from './probe.js'

/** Of Holdfast, by their form: names are the app's choice. */
const SESSION = /^[A-Za-z0-9_-]{43}\.[0-9a-z]{1,9}\.[A-Za-z0-9_-]{43}$/
const ROUTE = /^((?:[A-Za-z0-9_-]{1,32}\.){1,2})[A-Za-z0-9_-]{43}$/

/** The cookie of a session, whose id is what comes first in it. */
export const sessionOf = ({ cookies }: Answer): SetCookie | undefined =>
  cookies.find(({ value }) => SESSION.test(value))
export const idOf = (cookie: SetCookie | undefined): string | undefined => cookie?.value.split('.')[0]
export const routeOf = ({ cookies }: Answer): SetCookie | undefined => cookies.find(({ value }) => ROUTE.test(value))
/** The nodes that a route names, nearest first. */
export const nodesOf = (route: SetCookie | undefined): readonly string[] => route?.value.split('.').slice(0, -1) ?? []
