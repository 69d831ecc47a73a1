import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { startHazelcast, type HazelcastCluster } from './hazelcast.js'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where `sharedHazelcast` asks. */
    readonly sharedHazelcastUrl: string
  }
}

/** What test files get of a cluster that is not theirs alone. */
export type SharedHazelcast = Pick<HazelcastCluster, 'url' | 'clusterName'> & { readonly addresses: readonly string[] }

/**
 * For `globalSetup`: one cluster for the test files that harm no member, whatever worker they run in. It starts when the
 * first of them asks for it, and ends with the run.
 */
export default async function shareHazelcast(project: TestProject): Promise<() => Promise<void>> {
  let starting: Promise<HazelcastCluster> | undefined
  const server = createServer((_req, res) => {
    starting ??= startHazelcast()
    starting.then(
      ({ url, clusterName, members }) =>
        res.end(JSON.stringify({ url, clusterName, addresses: members.map(({ address }) => address) })),
      (error: unknown) => res.writeHead(500).end(String(error)),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  project.provide('sharedHazelcastUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return async () => {
    server.close()
    server.closeAllConnections()
    await starting?.then((cluster) => cluster.stop())
  }
}

/** The cluster of this run of tests. Whoever asks first waits about 10 s. Its maps are those named `sessions…`. */
export async function sharedHazelcast(): Promise<SharedHazelcast> {
  const response = await fetch(inject('sharedHazelcastUrl'))
  const body = await response.text()
  if (!response.ok) throw new Error(`There is no shared Hazelcast cluster: ${body}`)
  return JSON.parse(body) as SharedHazelcast
}
