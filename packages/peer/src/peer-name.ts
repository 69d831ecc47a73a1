import { ConfigError } from '@holdfast/core'

export interface PeerAddress {
  readonly host: string
  readonly port: number
}

const NAME = /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_.-]{1,253})):(\d{1,5})$/i

export const isPeerName = (text: string): boolean => NAME.test(text)

/** The address that `host:port` names; IPv6 stands in brackets. Throws `ConfigError` with the name of the option. */
export function addressOf(option: string, text: unknown): PeerAddress {
  const [, ipv6, name, port] = (typeof text === 'string' && NAME.exec(text)) || []
  const host = ipv6 ?? name
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return { host, port: Number(port) }
  throw new ConfigError(`peer: ${option} is ${JSON.stringify(text)}. Write host:port, such as '10.0.0.1:7946'.`)
}
