import { setTimeout as sleep } from 'node:timers/promises'
import { CLIENTS } from '../column.js'
import { loadRow } from '../load-row.js'
import { onCopies, type LoadRun, type Row } from '../row.js'

const EVERY_MS = 300

/** Away for 300 ms and there for 300 ms, until the fault has lasted long enough. */
async function flap(run: LoadRun, away: () => Promise<void> | void, there: () => Promise<void> | void): Promise<void> {
  let isOver = false
  const held = run.hold().then(() => (isOver = true))
  while (!isOver) {
    await away()
    await sleep(EVERY_MS)
    await there()
    await sleep(EVERY_MS)
  }
  await held
  run.over()
}

/** A server that comes and goes faster than anybody could decide that it is gone. */
export const flaps: readonly Row[] = [
  loadRow({
    number: '2b',
    title: 'a server freezes for 300 ms, again and again',
    expected: {
      memcached: 'nothing is lost; 503 until it is over',
      ...onCopies(),
      hazelcast: 'nothing is lost; 503 for its share, and for changes whose backup it is, until it is over',
      peer: 'nothing is lost, nobody is logged out, hardly a 503',
    },
    strike: (victim, run) =>
      flap(
        run,
        () => victim.pause(),
        () => victim.resume(),
      ),
  }),
  loadRow({
    number: '3b',
    title: 'all connections are reset and new ones refused for 300 ms, again and again',
    expected: {
      memcached: 'nothing is lost; 503 until it is over',
      ...onCopies(),
      hazelcast: 'nothing is lost; 503 for its share, and for changes whose backup it is, until it is over',
      peer: 'nothing is lost, nobody is logged out, hardly a 503',
    },
    strike: ({ link }, run) =>
      flap(
        run,
        () => {
          link.refuse()
          link.reset({ from: CLIENTS })
        },
        () => link.heal(),
      ),
  }),
]
