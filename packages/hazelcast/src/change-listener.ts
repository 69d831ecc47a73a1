import type { Client, MembershipListener } from 'hazelcast-client'
import type { ClientSource } from './client-source.js'
import type { MapPort } from './map-port.js'

type Listener = (key: string | undefined) => void

/**
 * Tells of each change of an entry, whoever made it. While a member is lost its messages are: then everything may have
 * changed. Returns what ends it.
 */
export function listenForChanges(source: ClientSource, port: MapPort, listener: Listener): () => void {
  let end = (): void => {}
  let isOver = false
  const stop = source.onClient((client) => {
    end()
    listener(undefined)
    void follow(client, port, listener).then(
      (ends) => {
        if (isOver) return ends()
        end = ends
        // Nobody was told of what changed before it listened.
        listener(undefined)
      },
      () => {},
    )
  })
  return () => {
    isOver = true
    stop()
    end()
  }
}

async function follow(client: Client, port: MapPort, listener: Listener): Promise<() => void> {
  const map = await port.map()
  const changed = ({ key }: { readonly key: string }): void => listener(key)
  const entries = { added: changed, updated: changed, removed: changed, evicted: changed, expired: changed }
  const entryListener = await map.addEntryListener(entries, undefined, false)
  const lost: MembershipListener = { memberAdded: () => {}, memberRemoved: () => listener(undefined) }
  const cluster = client.getCluster()
  const membershipListener = cluster.addMembershipListener(lost)
  return () => {
    void map.removeEntryListener(entryListener).catch(() => {})
    cluster.removeMembershipListener(membershipListener)
  }
}
