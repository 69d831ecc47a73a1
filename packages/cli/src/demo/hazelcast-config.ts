export const CLUSTER_NAME = 'holdfast-demo'

/** The recommended configuration (docs/hazelcast.md) for a member of a small cluster on 127.0.0.1. JSON is YAML. */
export const hazelcastConfig = (port: number, ports: readonly number[]): string =>
  JSON.stringify({
    hazelcast: {
      'cluster-name': CLUSTER_NAME,
      network: {
        port: { port, 'auto-increment': false },
        join: {
          'auto-detection': { enabled: false },
          'tcp-ip': { enabled: true, 'member-list': ports.map((each) => `127.0.0.1:${each}`) },
        },
        'rest-api': { enabled: true, 'endpoint-groups': { HEALTH_CHECK: { enabled: true } } },
      },
      properties: {
        'hazelcast.local.localAddress': '127.0.0.1',
        'hazelcast.partition.count': 71,
        'hazelcast.wait.seconds.before.join': 0,
        'hazelcast.max.no.heartbeat.seconds': 10,
        'hazelcast.heartbeat.interval.seconds': 1,
        'hazelcast.merge.first.run.delay.seconds': 10,
        'hazelcast.merge.next.run.delay.seconds': 10,
        'hazelcast.phone.home.enabled': false,
      },
      map: {
        sessions: {
          'backup-count': 1,
          'time-to-live-seconds': 7_776_000,
          'per-entry-stats-enabled': true,
          'split-brain-protection-ref': 'majority',
          'merge-policy': { 'class-name': 'DiscardMergePolicy' },
        },
      },
      'split-brain-protection': {
        majority: { enabled: true, 'minimum-cluster-size': 2, 'protect-on': 'READ_WRITE' },
      },
    },
  })
