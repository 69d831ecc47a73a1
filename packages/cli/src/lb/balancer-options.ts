import { InvalidArgumentError } from 'commander'

export interface BalancerOptions {
  readonly nodes: readonly Node[]
  readonly by: (typeof WAYS)[number]
  /** The path that answers 200 or 503. */
  readonly health: string
  /** A port, or an address and a port. */
  readonly listen: string
  /** The name of the route cookie. */
  readonly cookie: string
}

/** An app server: `affinity.node` of its sessions, and where it listens. */
export interface Node {
  readonly name: string
  readonly address: string
}

export const WAYS = ['route', 'ip', 'round-robin'] as const

const NODE = /^([A-Za-z0-9_-]{1,32})=((?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d+)$/
const LISTEN = /^(?:(?:[0-9.]+|\[[0-9A-Fa-f:.]+\]):)?\d+$/

/** `a=10.0.0.1:3000,b=10.0.0.2:3000`. Throws `InvalidArgumentError`, and so do the others. */
export function toNodes(list: string): readonly Node[] {
  const nodes = list.split(',').map((item) => toNode(item.trim()))
  for (const field of ['name', 'address'] as const) {
    const twice = nodes.find((node, index) => nodes.findIndex((other) => isSame(other[field], node[field])) !== index)
    // nginx does not tell upper from lower case in the names of its upstreams.
    if (twice) throw new InvalidArgumentError(`The node ${twice.name}=${twice.address} has the ${field} of another.`)
  }
  if (nodes.length < 2) throw new InvalidArgumentError('There is one node. Give two or more: a=host:port,b=host:port.')
  return nodes
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase()

function toNode(item: string): Node {
  const [, name, address] = NODE.exec(item) ?? []
  if (name === undefined || address === undefined) {
    throw new InvalidArgumentError(
      `${JSON.stringify(item)} is no node. Write name=host:port, like a=10.0.0.1:3000; a name is 1 to 32 letters, digits, _ and -.`,
    )
  }
  assertPort(address)
  return { name, address }
}

export function toListen(text: string): string {
  if (!LISTEN.test(text)) throw new InvalidArgumentError('Give a port, or an address and a port: 80, 127.0.0.1:8080.')
  assertPort(text)
  return text
}

export function toPath(text: string): string {
  if (/^\/[A-Za-z0-9/._~-]*$/.test(text)) return text
  throw new InvalidArgumentError('Give a path such as /health, of letters, digits and / . _ ~ -')
}

export function toCookie(text: string): string {
  if (/^[A-Za-z0-9_]{1,64}$/.test(text)) return text
  throw new InvalidArgumentError('Give what affinity.cookie says: letters, digits and _.')
}

function assertPort(address: string): void {
  const port = Number(address.slice(address.lastIndexOf(':') + 1))
  if (port < 1 || port > 65_535) throw new InvalidArgumentError(`${address}: a port is a number from 1 to 65535.`)
}
