import { parentPort, workerData } from 'node:worker_threads'
import { isHoldfastError, isStoreUnavailable, type SessionRecord } from '@holdfast/core'
import { peerStore } from '@holdfast/peer'
import type { PeerCall, PeerTask } from './peer-stores.js'

// One app server's node in a thread of its own: the tests freeze the timers of theirs.

const { self, peers, secret, now } = workerData as PeerTask
const store = peerStore({ self, peers, secret, clock: () => (now[0] as number) || Date.now() })

const bare = (record: SessionRecord | undefined): SessionRecord | undefined =>
  record && { data: record.data, revision: record.revision, tag: record.tag, expiresAt: record.expiresAt }

parentPort?.on('message', ({ id, op, args }: PeerCall) => {
  run(op, args).then(
    (answer) => parentPort?.postMessage({ id, answer }),
    (error: unknown) => {
      const code = isHoldfastError(error) ? error.code : undefined
      const refused = isStoreUnavailable(error) && error.refused
      parentPort?.postMessage({ id, failure: { code, message: (error as Error).message, refused } })
    },
  )
})

async function run(op: PeerCall['op'], args: readonly unknown[]): Promise<unknown> {
  if (op === 'read') return bare(await store.read(...(args as Parameters<typeof store.read>)))
  if (op === 'write') return outcome(await store.write(...(args as Parameters<typeof store.write>)))
  if (op === 'touch') return outcome(await store.touch(...(args as Parameters<typeof store.touch>)))
  if (op === 'status') return store.status()
  return store.close()
}

const outcome = (of: Awaited<ReturnType<typeof store.write>>) =>
  of.written ? of : { written: false, current: bare(of.current) }
