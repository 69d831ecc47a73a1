import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Pipe, type Direction, type Fault } from './fault-pipe.js'
import { freePort } from './free-port.js'

export interface Address {
  readonly host: string
  readonly port: number
}

/** Where a fault strikes. Default: everywhere. */
export interface Where {
  readonly direction?: Direction
  /** Only connections from this address: servers of one set connect from addresses of their own. */
  readonly from?: string
  /** Only the connections of now; new ones pass. */
  readonly established?: boolean
}

/**
 * A TCP proxy in this process that harms what passes through it: the connections that are there, and new ones, until
 * `heal()`. Faults add up.
 */
export interface FaultProxy extends Address {
  /** Clients that are connected now. */
  readonly connections: number
  /** Each piece arrives so many ms later. What is under way when it heals arrives then. */
  delay(ms: number, where?: Where): void
  /** Swallows all, the end of a connection too, and keeps it open. It breaks when it heals: TCP has no gaps. */
  drop(where?: Where): void
  /** Resets each connection after so many more bytes. */
  cutAfter(bytes: number, where?: Where): void
  /** Turns the bits of the so-many-eth byte from now, counted from 1, once in each connection. */
  corrupt(byte: number, where?: Where): void
  /** Sends an end (FIN) that way on the connections of now; the other way goes on. */
  halfClose(direction: Direction): void
  /** Resets (RST) the connections of now. */
  reset(where?: Pick<Where, 'from'>): void
  /** Takes no new connections: they are refused. Those of now go on. */
  refuse(): void
  heal(): Promise<void>
  /** Resets all connections and stops listening. */
  close(): Promise<void>
}

/** Starts a proxy `at` an address of this machine; default: a free port of 127.0.0.1. The target need not be there yet. */
export async function faultProxy(target: Address, at?: Address): Promise<FaultProxy> {
  const proxy = new TcpProxy(target, at ?? { host: '127.0.0.1', port: await freePort() })
  await proxy.listen()
  return proxy
}

interface Connection {
  readonly from: string
  readonly toServer: Pipe
  readonly toClient: Pipe
  reset(): void
}

class TcpProxy implements FaultProxy {
  readonly host: string
  readonly port: number
  readonly #target: Address
  readonly #connections = new Set<Connection>()
  #faults: { readonly fault: Fault; readonly where: Where }[] = []
  #server: Server | undefined

  constructor(target: Address, { host, port }: Address) {
    this.#target = target
    this.host = host
    this.port = port
  }

  get connections(): number {
    return this.#connections.size
  }

  delay(ms: number, where?: Where): void {
    this.#add({ kind: 'delay', ms }, where)
  }

  drop(where?: Where): void {
    this.#add({ kind: 'drop' }, where)
  }

  cutAfter(bytes: number, where?: Where): void {
    this.#add({ kind: 'cut', bytes }, where)
  }

  corrupt(byte: number, where?: Where): void {
    this.#add({ kind: 'corrupt', byte }, where)
  }

  halfClose(direction: Direction): void {
    for (const connection of this.#connections) connection[direction].end()
  }

  reset({ from }: Pick<Where, 'from'> = {}): void {
    for (const connection of [...this.#connections]) if (!from || connection.from === from) connection.reset()
  }

  refuse(): void {
    this.#server?.close()
    this.#server = undefined
  }

  async heal(): Promise<void> {
    this.#faults = []
    for (const { toServer, toClient } of [...this.#connections]) {
      toServer.heal()
      toClient.heal()
    }
    if (!this.#server) await this.listen()
  }

  async close(): Promise<void> {
    const server = this.#server
    this.refuse()
    this.reset()
    if (server) await once(server, 'close')
  }

  async listen(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client))
    await once(this.#server.listen(this.port, this.host), 'listening')
  }

  #add(fault: Fault, where: Where = {}): void {
    if (!where.established) this.#faults.push({ fault, where })
    for (const connection of this.#connections) this.#strike(connection, fault, where)
  }

  #strike(connection: Connection, fault: Fault, { from, direction }: Where): void {
    if (from && connection.from !== from) return
    if (direction !== 'toClient') connection.toServer.strike(fault)
    if (direction !== 'toServer') connection.toClient.strike(fault)
  }

  #accept(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    const reset = (): void => {
      this.#connections.delete(connection)
      resetNow(client)
      resetNow(server)
    }
    const connection: Connection = {
      from: client.remoteAddress ?? '',
      toServer: new Pipe(client, server, reset),
      toClient: new Pipe(server, client, reset),
      reset,
    }
    this.#connections.add(connection)
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', (hadError) => this.#closed(connection, socket === client ? 'toServer' : 'toClient', hadError))
    }
    for (const { fault, where } of this.#faults) this.#strike(connection, fault, where)
  }

  /** The side that sends this way is gone. The other breaks too if this one broke and the news passes. */
  #closed(connection: Connection, direction: Direction, hadError: boolean): void {
    if (connection.toServer.isOver && connection.toClient.isOver) this.#connections.delete(connection)
    else if (hadError && !connection[direction].isDropping) connection.reset()
  }
}

/** Node 20 never closes a socket that is reset in the moment of its `end()`, and the process spins when it should exit. */
function resetNow(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
