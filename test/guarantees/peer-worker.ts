import { parentPort, workerData } from 'node:worker_threads'
import { isHoldfastError, isStoreUnavailable, type SessionRecord, type WriteOutcome } from '@holdfast/core'
import { peerStore, type PeerStore } from '@holdfast/peer'
import type { PeerCall, PeerTask } from './peer-stores.js'

// The nodes of all app servers, in a thread of their own: the tests freeze the timers of theirs.

const { names, secret, now } = workerData as PeerTask
const clock = (): number => (now[0] as number) || Date.now()
const nodes = names.map((self) => peerStore({ self, peers: names, secret, clock }))

const bare = (record: SessionRecord | undefined): SessionRecord | undefined =>
  record && { data: record.data, revision: record.revision, tag: record.tag, expiresAt: record.expiresAt }

parentPort?.on('message', ({ id, node, op, args }: PeerCall) => {
  run(nodes[node] as PeerStore, op, args).then(
    (answer) => parentPort?.postMessage({ id, answer }),
    (error: unknown) => {
      const code = isHoldfastError(error) ? error.code : undefined
      const refused = isStoreUnavailable(error) && error.refused
      parentPort?.postMessage({ id, failure: { code, message: (error as Error).message, refused } })
    },
  )
})

async function run(store: PeerStore, op: PeerCall['op'], args: readonly unknown[]): Promise<unknown> {
  if (op === 'read') return bare(await store.read(...(args as Parameters<typeof store.read>)))
  if (op === 'write') return outcome(await store.write(...(args as Parameters<typeof store.write>)))
  if (op === 'touch') return outcome(await store.touch(...(args as Parameters<typeof store.touch>)))
  if (op === 'status') return store.status()
  return store.close()
}

const outcome = (of: WriteOutcome) => (of.written ? of : { written: false, current: bare(of.current) })
