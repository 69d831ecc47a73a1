import { expect, test } from 'vitest'
import { listenForChanges } from './change-listener.js'

/** A cluster that says only when it is asked to that it has begun to tell of changes. */
function slowCluster() {
  let begin = (_id: string): void => {}
  const removed: string[] = []
  const map = {
    addEntryListener: () => new Promise<string>((resolve) => (begin = resolve)),
    removeEntryListener: async (id: string) => removed.push(id) > 0,
  }
  const client = { getCluster: () => ({ addMembershipListener: () => '', removeMembershipListener: () => true }) }
  const source = { onClient: (found: (one: typeof client) => void) => (found(client), () => {}) }
  const told: (string | undefined)[] = []
  const stop = listenForChanges(source as never, { map: async () => map } as never, (key) => told.push(key))
  const begins = async (): Promise<void> => {
    await new Promise(setImmediate)
    begin('listener')
    await new Promise(setImmediate)
  }
  return { told, removed, stop, begins }
}

test('what changed before the cluster tells of changes may be anything', async () => {
  const { told, begins } = slowCluster()
  told.length = 0
  await begins()
  expect(told).toEqual([undefined])
})

test('one that is ended meanwhile is told nothing more, and ends in the cluster too', async () => {
  const { told, removed, stop, begins } = slowCluster()
  stop()
  told.length = 0
  await begins()
  expect([told, removed]).toEqual([[], ['listener']])
})
