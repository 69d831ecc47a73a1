import { beforeAll, describe, expect, test } from 'vitest'
import { journey, type Journey, type Moved } from '../migrate/journey.js'
import { KINDS, nameOf, pairsOf, type Kind } from '../migrate/pairs.js'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { requireServer } from '../servers/require-server.js'

/** The members of a cluster start slowly where all cores are busy. */
const TIMEOUT_MS = 300_000

const isMissing: Partial<Record<Kind, boolean>> = {
  redis: (await requireServer('redis-server')) === undefined,
  memcached: (await requireServer('memcached')) === undefined,
  hazelcast: (await requireHazelcast()) === undefined,
}
const kinds = KINDS.filter((kind) => !isMissing[kind])
const pairs = pairsOf(kinds)

const names: Readonly<Record<Kind, string>> = {
  memory: 'the memory of one process',
  peer: 'the app servers',
  redis: 'Redis',
  memcached: 'two Memcached',
  hazelcast: 'Hazelcast',
}

describe('sessions that move under load, while app servers are deployed, killed and stand still', () => {
  let gone: Journey
  beforeAll(async () => {
    gone = await journey(pairs, (line) => console.log(line))
  }, TIMEOUT_MS)

  describe.each(kinds)('G12 a move to another store, on %s', (to) => {
    test.each(pairs.filter((pair) => pair.to === to).map((pair) => [names[pair.from], names[to], pair] as const))(
      'from %s to %s: nobody is logged out, no field is lost, no logout is undone',
      (_from, _to, pair) => {
        const moved = gone.moved.get(nameOf(pair)) as Moved
        console.log(`${nameOf(pair)}: ${inWords(moved)}`)
        const nothing = { lost: 0, missing: 0, returned: 0, stale: 0 }
        expect(moved).toMatchObject({ ...nothing, asleep: nothing, unlisted: 0 })
        expect(Object.keys(moved.failed).filter((status) => !['503', 'cut'].includes(status))).toEqual([])
        expect(moved.changes).toBeGreaterThan(0)
      },
    )
  })

  test('no process had an error that nobody caught', () => {
    console.log(JSON.stringify(gone.events))
    expect(gone.rejections).toEqual([])
  })
})

const inWords = ({
  sessions,
  changes,
  requests,
  failed,
  lost,
  missing,
  returned,
  stale,
  unlisted,
  unsure,
  asleep,
}: Moved) =>
  `${requests} requests, failed ${JSON.stringify(failed)}; of ${sessions} sessions ${lost} lost, of ${changes} changes ${missing} lost, ` +
  `${returned} logouts undone, ${stale} stale, ${unlisted} not listed; asleep ${JSON.stringify(asleep)}; ${unsure} unsure`
