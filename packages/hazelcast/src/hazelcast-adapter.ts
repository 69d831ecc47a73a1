import { ConfigError, type StoreAdapter } from '@holdfast/core'
import { HazelcastStore } from './hazelcast-store.js'
import { OwnClient } from './own-client.js'

const EXAMPLE = "'hazelcast://10.0.0.5:5701,10.0.0.6,10.0.0.7/sessions?cluster=dev'"

/** Opens `hazelcast://m1:5701,m2,m3/map?cluster=dev&deadline=250`. */
export const hazelcast: StoreAdapter = {
  name: 'hazelcast',
  schemes: ['hazelcast'],
  open: (url, { clock, absoluteMs }) => {
    const { members, map, clusterName, deadlineMs } = parse(url)
    const source = () => new OwnClient({ clusterName, members })
    return new HazelcastStore(source, { map, deadlineMs, longestAbsoluteMs: absoluteMs, clock })
  },
}

interface Target {
  readonly members: readonly string[]
  readonly map: string | undefined
  readonly clusterName: string
  readonly deadlineMs: number | undefined
}

function parse(url: string): Target {
  const [, hosts, map, query] = /^hazelcast:\/\/([^/?#]+)\/?([^/?#]*)(?:\?([^#]*))?$/i.exec(url) ?? []
  if (hosts === undefined || hosts.includes('@')) {
    throw new ConfigError(
      `store: ${JSON.stringify(redact(url))} is not understood. The open-source edition has no users. Write ${EXAMPLE}.`,
    )
  }
  const members = hosts.split(',').map(memberAddress)
  return { members, map: map || undefined, ...optionsOf(new URLSearchParams(query)) }
}

function memberAddress(text: string): string {
  const [, host, port = '5701'] = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(\d{1,5}))?$/i.exec(text) ?? []
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return `${host}:${port}`
  throw new ConfigError(`store: the member ${JSON.stringify(text)} of 'hazelcast:' is no host:port. Write ${EXAMPLE}.`)
}

function optionsOf(query: URLSearchParams): Pick<Target, 'clusterName' | 'deadlineMs'> {
  let [clusterName, deadlineMs] = ['dev', undefined as number | undefined]
  for (const [name, value] of query) {
    if (name === 'cluster' && value !== '') clusterName = value
    else if (name === 'deadline') deadlineMs = deadlineOf(value)
    else
      throw new ConfigError(`store: 'hazelcast:' has no option ${JSON.stringify(name)}. It has cluster and deadline.`)
  }
  return { clusterName, deadlineMs }
}

function deadlineOf(value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value)
  throw new ConfigError(`store: deadline of 'hazelcast:' is ${JSON.stringify(value)}. Use whole ms, such as 250.`)
}

/** Without what stands before an `@`: it may be a password. */
const redact = (url: string): string => url.replace(/\/\/[^/]*@/, '//***@')
