import { warnOnce } from '@holdfast/core'
import type { Client, ClientConfig } from 'hazelcast-client'

const INDETERMINATE = 'hazelcast.client.operation.fail.on.indeterminate.state'
const AUTOPIPELINING = 'hazelcast.client.autopipelining.enabled'

/** Warns, once for each setting, about what a client that the app has made hides, repeats or hangs on. The client of a URL is right. */
export function warnOfSettings(client: Partial<Client>, map: string): void {
  const { properties, network, nearCaches = {} } = client.getConfig?.() ?? {}
  warnIf(
    properties !== undefined && properties[INDETERMINATE] !== true,
    'INDETERMINATE',
    `has ${INDETERMINATE}: false: a write that no backup has acknowledged counts as stored. Set it to true, under properties`,
  )
  warnIf(
    properties !== undefined && properties[AUTOPIPELINING] !== false,
    'AUTOPIPELINING',
    `has ${AUTOPIPELINING}: true: once all members are gone the process may stand still for ever. Set it to false, under properties`,
  )
  warnIf(
    network?.redoOperation === true,
    'REDO_OPERATION',
    'has network.redoOperation: true: a write whose connection breaks runs twice. Set it to false',
  )
  warnIf(
    hasNearCache(nearCaches, map),
    'NEAR_CACHE',
    `has a near cache for the map '${map}': a logout elsewhere is seen late. Take it out of nearCaches; createSessions has nearCache`,
  )
}

function warnIf(isWrong: boolean, name: string, finding: string): void {
  if (isWrong) warnOnce(`HOLDFAST_HAZELCAST_${name}`, `hazelcastStore: the client ${finding}.`)
}

/** A name may have one `*`; `default` is for all maps without one. */
const hasNearCache = (nearCaches: NonNullable<ClientConfig['nearCaches']>, map: string): boolean =>
  Object.keys(nearCaches).some((pattern) => {
    const [start = '', end] = pattern.split('*')
    return pattern === 'default' || pattern === map || (end !== undefined && map.startsWith(start) && map.endsWith(end))
  })
