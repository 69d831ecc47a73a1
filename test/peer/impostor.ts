import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { frameOf, readFields, type Field, type Fields } from '../../packages/peer/src/fields.js'
import { FrameReader } from '../../packages/peer/src/frames.js'
import { helloFrame, PROTOCOL_VERSION, type Hello } from '../../packages/peer/src/hello.js'
import { FRAME_BYTES } from '../../packages/peer/src/limits.js'
import { preSharedKeys } from '../../packages/peer/src/pre-shared-keys.js'
import { until } from '../servers/until.js'
import { SECRET } from './transports.js'

/** One that has the secret, and sends whatever it likes. */
export class Impostor {
  readonly socket: TLSSocket
  /** The frames that came, the hello first. */
  readonly frames: Buffer[] = []
  readonly closed: Promise<void>

  private constructor(socket: TLSSocket) {
    this.socket = socket
    const reader = new FrameReader(FRAME_BYTES)
    socket.on('data', (piece: Buffer) => this.frames.push(...reader.read(piece)))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    onTestFinished(() => void socket.destroy())
  }

  /** Through TLS, without a hello. */
  static async connect(address: string, localAddress = '127.0.0.1'): Promise<Impostor> {
    const [host = '', port] = address.split(':')
    const [{ id, key } = { id: '', key: Buffer.alloc(0) }] = preSharedKeys(SECRET)
    const socket = connect({
      socket: connectTcp({ host, port: Number(port), localAddress }),
      minVersion: 'TLSv1.3',
      ciphers: 'TLS_AES_128_GCM_SHA256',
      pskCallback: () => ({ psk: key, identity: `${id} impostor` }),
      checkServerIdentity: () => undefined,
    })
    const impostor = new Impostor(socket)
    await once(socket, 'secureConnect')
    return impostor
  }

  /** As the node `name`, which is taken. */
  static async as(name: string, address: string, localAddress?: string): Promise<Impostor> {
    const impostor = await Impostor.connect(address, localAddress)
    impostor.sayHello({ name, lookingFor: address, members: [name, address] })
    while (impostor.frames.length === 0) await once(impostor.socket, 'data')
    return impostor
  }

  sayHello(parts: Partial<Hello> & Pick<Hello, 'name' | 'lookingFor' | 'members'>): void {
    this.socket.write(helloFrame({ version: PROTOCOL_VERSION, ...parts }))
  }

  send(...fields: readonly Field[]): void {
    this.socket.write(frameOf(fields))
  }

  /** Sends, and reads the rest of the answer with the same number. */
  async answerTo<T>(id: number, fields: readonly Field[], parse: (kind: number, fields: Fields) => T): Promise<T> {
    this.send(id, ...fields)
    const isIt = (frame: Buffer): boolean => readFields(frame, (read) => read.whole('id')) === id
    await until(`there is an answer to ${id}`, () => this.frames.slice(1).some(isIt))
    const answer = this.frames.slice(1).find(isIt) as Buffer
    return readFields(answer, (read) => {
      read.whole('id')
      return parse(read.whole('kind'), read)
    })
  }
}
