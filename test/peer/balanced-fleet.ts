import { routeNameOf } from '../../packages/peer/src/peer-sessions.js'
import type { Answer } from '../faults/client.js'
import { Client } from '../faults/client.js'
import { PEER_SECRET, reportOf } from '../faults/columns/peer-nodes.js'
import { AppProcess, SECRET } from '../faults/fleet.js'
import type { Asked } from '../faults/health-checks.js'
import { startBalancer } from '../servers/balancer.js'
import { freePort } from '../servers/free-port.js'
import { until } from '../servers/until.js'

/** As the printed configuration says: the balancer has noticed by then that a node leaves. */
const LEAVE_MS = '3000'

/** Three app servers behind HAProxy, by route. */
export interface BalancedFleet {
  readonly apps: readonly AppProcess[]
  readonly balancer: Asked
  /** Resolves when each node has its share and every session has its copies. */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** `'peer'`: they keep the sessions among themselves. `'memory'`: each keeps those that the balancer sends to it. */
export async function startBalancedFleet(store: 'peer' | 'memory'): Promise<BalancedFleet> {
  const names = await Promise.all(Array.from({ length: 3 }, async () => `127.0.0.1:${await freePort()}`))
  const nodes = await Promise.all(
    names.map(async (self) => ({ self, name: routeNameOf(self), port: await freePort() })),
  )
  const start = ({ self, name, port }: (typeof nodes)[number]): Promise<AppProcess> =>
    AppProcess.start(
      {
        secret: SECRET,
        store: store === 'peer' ? `peer://${self}?peers=${names.join(',')}` : 'memory:',
        affinity: { node: name },
      },
      { env: { HOLDFAST_PEER_SECRET: PEER_SECRET, APP_PORT: `${port}`, APP_LEAVE_MS: LEAVE_MS } },
    )
  const apps = await Promise.all(nodes.map(start))
  const settled = async (): Promise<void> => {
    if (store === 'peer')
      await until('all nodes are settled', async () =>
        (await Promise.all(apps.map(reportOf))).every(({ status }) => status.isSettled),
      )
  }
  const balancer = await startBalancer('haproxy', {
    nodes: nodes.map(({ name, port }) => ({ name, address: `127.0.0.1:${port}` })),
    by: 'route',
  })
  const browsers = new Browsers(balancer.port)
  await settled()
  await until('the balancer has found the apps', async () => (await browsers.get('/health')).status === 200)
  return {
    apps,
    balancer: browsers,
    settled,
    async stop() {
      browsers.giveUp()
      await Promise.allSettled(apps.map((app) => app.kill()))
      await balancer.stop()
    },
  }
}

/** The browsers of all visitors: each sends the route that came with its session cookie, or later. */
class Browsers implements Asked {
  readonly #client: Client
  readonly #routes = new Map<string, string>()

  constructor(port: number) {
    this.#client = new Client(port, {})
  }

  async get(path: string, cookie?: string): Promise<Answer> {
    const route = cookie && this.#routes.get(cookie)
    const answer = await this.#client.get(path, route ? `${cookie}; ${route}` : cookie)
    const owner = answer.cookie ?? cookie
    const line = answer.headers['set-cookie']?.find((text) => text.startsWith('holdfast_route='))
    if (owner && line) this.#routes.set(owner, line.split(';', 1)[0] as string)
    return answer
  }

  giveUp(): void {
    this.#client.close()
  }
}
