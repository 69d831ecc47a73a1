import { createHash } from 'node:crypto'

/** What a balancer knows of a request. */
export interface RoutedRequest {
  /** The client's IP address. */
  readonly address: string
  /** The server that the balancer's own cookie names, if the request has one. */
  readonly route: string | undefined
}

/** Picks one of `live`, the names of the running servers: at least one, always in the same order. */
export type Policy = (request: RoutedRequest, live: readonly string[]) => string

/** Each request to the next server, whoever sent it. */
export function roundRobin(): Policy {
  let turn = 0
  return (_request, live) => at(live, turn++ % live.length)
}

/** The server that the route cookie names; without a cookie, or when that server is gone, the next one in turn. */
export function stickyByCookie(): Policy {
  const next = roundRobin()
  return (request, live) =>
    request.route !== undefined && live.includes(request.route) ? request.route : next(request, live)
}

/**
 * The server with the highest hash of address and name (rendezvous hashing): when a server dies only its own clients
 * move, and they return when it does.
 */
export function stickyByAddress(): Policy {
  return ({ address }, live) =>
    live.reduce((best, name) => (weight(address, name) > weight(address, best) ? name : best))
}

const weight = (address: string, name: string): string =>
  createHash('sha256').update(`${address} ${name}`).digest('hex')

function at(names: readonly string[], index: number): string {
  const name = names[index]
  if (name === undefined)
    throw new Error(`No server at ${index} of [${names.join(', ')}]: a policy needs a live server.`)
  return name
}
