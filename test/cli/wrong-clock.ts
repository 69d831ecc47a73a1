import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { Transform } from 'node:stream'

/** A Redis whose clock is `offSeconds` ahead: what `TIME` says is changed on the way. */
export async function withWrongClock(
  target: { readonly host: string; readonly port: number },
  offSeconds: number,
): Promise<{ readonly url: string; close(): void }> {
  const shifted = (): Transform =>
    new Transform({
      transform(chunk: Buffer, _, done) {
        const text = chunk.toString('latin1')
        const time = /(?<=^\*2\r\n\$10\r\n)\d{10}(?=\r\n\$\d\r\n\d{1,6}\r\n$)/
        done(
          null,
          Buffer.from(
            text.replace(time, (at) => String(Number(at) + offSeconds)),
            'latin1',
          ),
        )
      },
    })
  const server = createServer((client) => {
    const upstream = connect(target)
    for (const socket of [client, upstream]) socket.on('error', () => {}).on('close', () => client.destroy())
    client.pipe(upstream).pipe(shifted()).pipe(client)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() }
}
