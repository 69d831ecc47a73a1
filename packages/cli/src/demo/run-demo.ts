import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { approachesFor } from './approaches.js'
import { ControlPlane } from './control-plane.js'
import { Demo } from './demo.js'

export interface RunningDemo {
  readonly url: string
  /** Ends the servers and frees the port. */
  close(): Promise<void>
}

/** Starts the demo on 127.0.0.1; port 0 is any free one. Rejects with a sentence when the port is taken. */
export async function runDemo(port: number): Promise<RunningDemo> {
  const demo: Demo = new Demo(approachesFor(process.env), () => control.publish())
  const control = new ControlPlane(demo)
  const server = createServer((request, response) => {
    const handler = control.owns(request) ? control : demo.balancer
    handler.handle(request, response).catch((error: Error) => response.destroy(error))
  })
  await listen(server, port)
  const close = async (): Promise<void> => {
    control.close()
    server.close()
    server.closeAllConnections()
    await demo.close()
  }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await demo.start(url).catch(async (error: unknown) => {
    await close()
    throw error
  })
  return { url, close }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(
      `Port ${port} is taken by another program. End that program, or choose another port: --port ${port + 1} ` +
        `(with npm start: npm start -- --port ${port + 1}).`,
    )
  })
}
