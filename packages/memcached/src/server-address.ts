import { ConfigError } from '@holdfast/core'

const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::(\d{1,5}))?$/i

/**
 * `host:port` as the library takes it: IPv6 without its brackets, port 11211 where none is named. Throws `ConfigError`
 * for anything else.
 */
export function serverAddress(text: string): string {
  const [, ipv6, name, port = '11211'] = ADDRESS.exec(text) ?? []
  const host = ipv6 ?? name
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw new ConfigError(
      `memcachedStore: server is ${JSON.stringify(text)}. Write host:port, such as '127.0.0.1:11211'.`,
    )
  }
  return `${host}:${port}`
}
