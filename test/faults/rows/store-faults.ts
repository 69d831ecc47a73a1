import { CLIENTS, type Victim } from '../column.js'
import { cutIn, loadRow } from '../load-row.js'
import { onCopies, type LoadRun, type Row } from '../row.js'

/** What others take over must be served while the fault lasts; else the fault is ended by hand. */
async function untilEnded(takesOver: boolean, run: LoadRun, end: () => Promise<void> | void): Promise<void> {
  await run.hold()
  if (takesOver) await run.served()
  else run.over()
  await end()
}

const onRedis = (expected: string) => ({ redis: expected, 'redis-sentinel': expected, 'redis-cluster': expected })
const everywhere = (expected: string) => ({ ...onRedis(expected), memcached: expected })

const restartEmpty = (victim: Victim) => () => victim.restart({ empty: true })

/** Faults of a server that keeps sessions, and of the way to it. */
export const storeFaults: readonly Row[] = [
  loadRow({
    number: '1',
    title: 'kill -9 a server',
    expected: {
      redis: 'all sessions are lost, it saves nothing; 503 until it is back',
      memcached: 'all sessions are lost; 503 until it is back',
      ...onCopies(),
      'redis-sentinel': 'nothing is lost but what its replicas had not got yet; 503 until one of them leads',
      'redis-cluster':
        'nothing is lost but what its replica had not got yet; 503 for its share until the replica leads',
      hazelcast: 'nothing is lost, hardly a 503: its backups serve',
      peer: 'nothing is lost, nobody is logged out, hardly a 503; what was under way there is cut',
    },
    strike: async (victim, run) => {
      await victim.kill()
      await untilEnded(victim.replicas > 0, run, restartEmpty(victim))
    },
    cost: (victim) => (victim.replicas > 0 ? cutIn(victim) : { sessions: 'all', tail: true }),
  }),
  loadRow({
    number: '1b',
    title: 'kill -9 a server that saves each write before it answers',
    expected: { redis: 'nothing is lost; 503 until it is back' },
    needs: { persistent: true },
    strike: async (victim, run) => {
      await victim.kill()
      await run.hold()
      run.over()
      await victim.restart({ empty: false })
    },
  }),
  loadRow({
    number: '1c',
    title: 'kill -9 a server whose replicas got nothing any more',
    expected: {
      'redis-sentinel': 'what was acknowledged since then is lost: changes, logins and logouts',
      'redis-cluster': 'what was acknowledged since then is lost: changes, logins and logouts',
    },
    strike: async (victim, run) => {
      victim.isolate?.()
      await run.served()
      run.over()
      await victim.kill()
      await victim.link.heal()
      await untilEnded(victim.replicas > 0, run, restartEmpty(victim))
    },
    cost: { sessions: 'some', tail: true },
  }),
  loadRow({
    number: '1d',
    title: 'the same, when only what a replica has is acknowledged (durability=replicated-all)',
    expected: {
      'redis-sentinel': 'nothing is lost; 503 from then on until a replica leads',
      'redis-cluster':
        'nothing is lost; 503 for its share from then on until it is back: a master without a replica acknowledges nothing',
    },
    needs: { replicated: true },
    strike: async (victim, run) => {
      victim.isolate?.()
      await run.hold()
      run.over()
      await victim.kill()
      await victim.link.heal()
      if (victim.replicas > 1) await run.served()
      else await victim.replaced?.()
      await victim.restart({ empty: true })
    },
  }),
  loadRow({
    number: '1f',
    title: 'kill -9 all servers at once, and start them again',
    expected: { hazelcast: 'all sessions are lost; 503 until they are back' },
    strike: async (_, run, { target: { whole } }) => {
      await whole?.kill()
      await run.hold()
      run.over()
      await whole?.restart()
    },
    cost: { sessions: 'all', tail: true },
  }),
  loadRow({
    number: '2',
    title: 'a server freezes (SIGSTOP), and goes on later',
    expected: {
      redis: 'nothing is lost; 503 until it goes on',
      memcached: 'nothing is lost; 503 until it goes on',
      ...onCopies(),
      'redis-sentinel': 'nothing is lost; 503 until a replica leads',
      'redis-cluster': 'nothing is lost; 503 for its share until its replica leads',
      hazelcast:
        'nothing is lost; 503 for its share, and for changes whose backup it is, until the others leave it (10 s)',
      peer: 'nothing is lost, nobody is logged out, hardly a 503; what was under way there is cut',
    },
    strike: async (victim, run) => {
      await victim.pause()
      await untilEnded(victim.replicas > 0, run, () => victim.resume())
    },
    cost: cutIn,
  }),
  loadRow({
    number: '3',
    title: 'all connections are reset',
    expected: {
      ...everywhere('nothing is lost; what was under way may fail'),
      ...onCopies(),
      hazelcast: 'nothing is lost; what was under way may fail',
      peer: 'nothing is lost; what was under way may fail',
    },
    strike: async (victim) => victim.link.reset({ from: CLIENTS }),
  }),
  loadRow({
    number: '4',
    title: 'every packet to and from a server is swallowed',
    expected: {
      redis: 'nothing is lost; 503 until it is over',
      memcached: 'nothing is lost; 503 until it is over',
      ...onCopies(),
      'redis-sentinel': 'nothing is lost but what its replicas had not got yet; 503 until a replica leads',
      'redis-cluster': 'nothing is lost; 503 for its share until it is over: its replica does not see that',
      hazelcast:
        'nothing is lost; 503 for its share until the app gives up the connection (5 s), for changes whose backup it is until it is over',
      peer: 'nothing is lost, hardly a 503: it says that it hears nobody, and the balancer leaves it out; until then each side may not show what the other took',
    },
    strike: async (victim, run) => {
      victim.link.drop()
      await untilEnded(victim.isWatched, run, () => victim.link.heal())
    },
    // An answer may have come through when what goes to the replicas did not.
    cost: ({ isWatched }) => ({ tail: isWatched }),
  }),
  loadRow({
    number: '5',
    title: 'every answer of a server is a second late',
    expected: {
      redis: 'nothing is lost; 503 until it is over',
      memcached: 'nothing is lost; 503 until it is over',
      ...onCopies(),
      'redis-sentinel': 'nothing is lost; 503 until it is over: it is alive, so nobody takes over',
      'redis-cluster': 'nothing is lost; 503 for its share until it is over: it is alive, so nobody takes over',
      hazelcast: 'nothing is lost; 503 for its share, and for changes whose backup it is, until it is over',
      peer: 'nothing is lost, hardly a 503: as 4',
    },
    strike: async (victim, run) => {
      victim.link.delay(1_000, { direction: 'toClient', from: CLIENTS })
      await run.hold()
      run.over()
      await victim.link.heal()
    },
  }),
  loadRow({
    number: '6',
    title: 'the connections of the apps are dead and nobody said so (half-open)',
    expected: {
      ...everywhere('nothing is lost; 503 until three calls got no answer, then new connections serve'),
      ...onCopies(),
      hazelcast:
        'nothing is lost; 503 for its share, and for changes whose backup it is, until the app gives up the connection (5 s)',
      peer: 'nothing is lost, hardly a 503: the nodes make new connections',
    },
    strike: async (victim, run) => {
      victim.link.drop({ from: CLIENTS, established: true })
      await run.served()
      await victim.link.heal()
    },
  }),
  loadRow({
    number: '7',
    title: 'a replica takes over by order',
    expected: {
      'redis-sentinel': 'what the old master acknowledges while the replica takes over is lost; hardly a 503',
      'redis-cluster': 'nothing is lost, hardly a 503: the old master waits for its replica',
    },
    // The order is acknowledged before it is carried out.
    strike: async (victim) => {
      await victim.failover?.()
      await victim.replaced?.()
    },
    // Sentinel does not stop the old master before the new one leads.
    cost: ({ share }) => (share === 'all' ? { sessions: 'some', tail: true } : {}),
  }),
  loadRow({
    number: '8',
    title: 'a server takes no writes: it was made a replica (READONLY)',
    expected: {
      redis: 'nothing is lost; who changes something gets 503 until it is over, reading goes on',
      'redis-sentinel': 'nothing is lost; who changes something gets 503 until it is over, reading goes on',
    },
    strike: async (victim, run) => {
      await victim.demote?.()
      await run.hold()
      run.over()
      await victim.promote?.()
    },
  }),
  loadRow({
    number: '9',
    title: 'a server that saves nothing restarts before anybody notices',
    expected: {
      redis: 'all sessions are lost; users log in again',
      memcached: 'all sessions are lost; users log in again',
      ...onCopies(),
      'redis-sentinel':
        'all sessions are lost, the replicas copy the empty server: no automatic restart without persistence',
      'redis-cluster': 'its share of the sessions is lost, its replica copies the empty server',
      hazelcast: 'nothing is lost, hardly a 503: it gets its share from the backups',
      peer: 'nothing is lost, nobody is logged out, hardly a 503; what was under way there is cut',
    },
    strike: async (victim, run) => {
      await victim.restart({ empty: true })
      run.over()
    },
    cost: (victim) => (victim.hasBackup ? cutIn(victim) : { sessions: 'all', tail: true }),
  }),
  loadRow({
    number: '10',
    title: 'memory is full, and the server takes no more (noeviction)',
    expected: {
      ...onRedis('nothing is lost; who changes something gets 503 until there is room, reading goes on'),
      'redis-standby': 'nothing is lost, nobody is logged out, hardly a 503',
      'redis-memcached': 'nothing is lost, nobody is logged out, hardly a 503',
    },
    strike: async (victim, run) => {
      await victim.refuse?.()
      await run.hold()
      run.over()
      await victim.makeRoom?.()
    },
  }),
  loadRow({
    number: '10b',
    title: 'memory is full, and the server throws away what it likes (allkeys-lru, Memcached)',
    expected: {
      ...onRedis('sessions are lost in silence, and logouts with them: never use this policy'),
      memcached: 'sessions are lost in silence, and logouts with them: give it enough memory',
      ...onCopies('nothing is lost while the other server has room'),
    },
    strike: async (victim, run) => {
      await victim.evict?.()
      await run.hold()
      run.over()
      await victim.makeRoom?.()
    },
    cost: { sessions: 'some', tail: true },
  }),
]
