import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { faultProxy, type FaultProxy } from './fault-proxy.js'
import { until } from './until.js'

let target: Server
let proxy: FaultProxy
/** What the target has got, and its ends of the connections. */
let got: string
let accepted: Socket[]
let clients: Client[]

beforeEach(async () => {
  got = ''
  accepted = []
  clients = []
  target = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket)
    socket.on('error', () => {})
    socket.on('data', (piece) => {
      got += piece.toString()
      if (socket.writable) socket.write(piece)
    })
    socket.on('end', () => {
      got += '<end>'
      socket.end()
    })
  })
  await once(target.listen(0, '127.0.0.1'), 'listening')
  proxy = await faultProxy({ host: '127.0.0.1', port: (target.address() as AddressInfo).port })
})
afterEach(async () => {
  for (const { socket } of clients) socket.destroy()
  for (const socket of accepted) socket.destroy()
  await proxy.close()
  target.close()
})

/** What a client of the echo has got back, with `<end>` and `<reset>`. */
interface Client {
  readonly socket: Socket
  heard: string
}

async function client(localAddress = '127.0.0.1'): Promise<Client> {
  const socket = connect({ port: proxy.port, host: proxy.host, localAddress, allowHalfOpen: true })
  const one: Client = { socket, heard: '' }
  clients.push(one)
  socket.on('data', (piece) => (one.heard += piece.toString()))
  socket.on('end', () => (one.heard += '<end>'))
  socket.on('error', (error: NodeJS.ErrnoException) => (one.heard += `<${error.code}>`))
  await once(socket, 'connect')
  return one
}

const hears = (one: Client, what: string) => until(`${what} is heard`, () => one.heard === what)
const says = async (one: Client, what: string): Promise<void> => {
  one.socket.write(what)
  await hears(one, one.heard + what)
}

test('without a fault everything passes, also much and the end', async () => {
  const one = await client()
  const much = 'x'.repeat(3 * 1024 * 1024)
  one.socket.write(much)
  one.socket.end()
  await hears(one, `${much}<end>`)
  await until('nothing is left', () => proxy.connections === 0)
})

test('a target that is not there: the connection is reset', async () => {
  target.close()
  for (const socket of accepted) socket.destroy()
  await hears(await client(), '<ECONNRESET>')
})

describe('delay', () => {
  test('pieces arrive later, in order', async () => {
    const one = await client()
    await says(one, 'a')
    proxy.delay(300, { direction: 'toClient' })
    const start = performance.now()
    one.socket.write('b')
    await until('the target has it at once', () => got === 'ab')
    one.socket.write('c')
    await hears(one, 'abc')
    expect(performance.now() - start).toBeGreaterThan(290)
  })

  test('what waits arrives when it heals', async () => {
    const one = await client()
    proxy.delay(3_600_000)
    one.socket.write('late')
    one.socket.end()
    await until('it waits in the proxy', () => one.socket.writableFinished)
    expect(got).toBe('')
    await proxy.heal()
    await hears(one, 'late<end>')
  })

  test('takes no more than it can hold', async () => {
    const one = await client()
    proxy.delay(3_600_000)
    for (let i = 0; i < 1_024; i++) one.socket.write(Buffer.alloc(64 * 1024))
    let [before, same] = [0, 0]
    await until('what the client could not send stays the same for half a second', () => {
      const unsent = one.socket.writableLength
      same = unsent > 0 && unsent === before ? same + 1 : 0
      before = unsent
      return same === 20
    })
    await proxy.heal()
    await until('the target gets it', () => got.length === 64 * 1024 * 1024)
  })
})

describe('drop', () => {
  test('swallows what is sent and says nothing of an end; the connection breaks when it heals', async () => {
    const one = await client()
    await says(one, 'a')
    proxy.drop()
    one.socket.write('lost')
    one.socket.end()
    accepted[0]!.write('lost too')
    await until('the target has sent it', () => accepted[0]!.writableLength === 0)
    await until('the client has sent it', () => one.socket.writableFinished)
    expect([got, one.heard, proxy.connections]).toEqual(['a', 'a', 1])
    await proxy.heal()
    await hears(one, 'a<ECONNRESET>')
    expect(got).toBe('a')
  })

  test('a client that is gone meanwhile is a secret until it heals', async () => {
    const one = await client()
    await says(one, 'a')
    proxy.drop()
    one.socket.resetAndDestroy()
    const other = await client()
    other.socket.write('x')
    await until('the client is gone', () => one.socket.closed)
    expect(accepted[0]!.closed).toBe(false)
    await proxy.heal()
    await until('the target knows', () => accepted[0]!.closed)
  })

  test('of one direction: requests arrive, their answers do not', async () => {
    const one = await client()
    proxy.drop({ direction: 'toClient' })
    one.socket.write('a')
    await until('the target has it', () => got === 'a')
    expect(one.heard).toBe('')
  })

  test('of one address: the others go on', async () => {
    const replica = await client('127.0.0.2')
    const one = await client()
    proxy.drop({ from: '127.0.0.2' })
    replica.socket.write('x')
    await says(one, 'a')
    await says(await client(), 'b')
    const late = await client('127.0.0.2')
    late.socket.write('y')
    await says(one, 'c')
    expect([replica.heard, late.heard, got]).toEqual(['', '', 'abc'])
  })

  test('of the connections of now: new ones pass', async () => {
    const one = await client()
    await says(one, 'a')
    proxy.drop({ established: true })
    one.socket.write('lost')
    await says(await client(), 'b')
    expect([one.heard, got]).toEqual(['a', 'ab'])
  })

  test('a connection that lost nothing goes on when it heals', async () => {
    const one = await client()
    await says(one, 'a')
    proxy.drop()
    await proxy.heal()
    await says(one, 'b')
  })
})

test.each(['abcdef', 'ab'])('cutAfter: so many bytes arrive, then a reset (%s first)', async (first) => {
  const one = await client()
  await says(one, '12')
  proxy.cutAfter(4, { direction: 'toServer' })
  one.socket.write(first)
  await until('it arrives', () => got.length > 2)
  one.socket.write('cdef')
  await until('it is cut', () => one.heard.endsWith('<ECONNRESET>'))
  expect(got).toBe('12abcd')
  const next = await client()
  next.socket.write('123456')
  await until('a new one is cut too', () => next.heard.endsWith('<ECONNRESET>'))
  expect(got).toBe('12abcd1234')
})

test('corrupt: that byte is another one, once', async () => {
  const one = await client()
  await says(one, 'ab')
  proxy.corrupt(3, { direction: 'toServer' })
  one.socket.write('cdefg')
  await until('it arrives', () => got.length === 7)
  one.socket.write('hijkl')
  await until('it arrives', () => got.endsWith('l'))
  expect(got.replace(/[^a-z]/, '?')).toBe('abcd?fghijkl')
})

test('halfClose: one side sees the end, the other way goes on', async () => {
  const one = await client()
  await says(one, 'a')
  proxy.halfClose('toClient')
  await hears(one, 'a<end>')
  one.socket.write('b')
  await until('the target still hears', () => got === 'ab')
})

test('reset: all connections of now break, new ones do not', async () => {
  const both = [await client(), await client('127.0.0.2')] as const
  for (const one of both) await says(one, 'a')
  proxy.reset({ from: '127.0.0.2' })
  await hears(both[1], 'a<ECONNRESET>')
  await says(both[0], 'b')
  proxy.reset()
  await hears(both[0], 'ab<ECONNRESET>')
  await says(await client(), 'c')
  await until('the target has lost two', () => accepted.filter(({ closed }) => closed).length === 2)
})

test('refuse: new connections are refused until it heals, old ones go on', async () => {
  const one = await client()
  await says(one, 'a')
  proxy.refuse()
  await expect(client()).rejects.toThrow('ECONNREFUSED')
  await says(one, 'b')
  await proxy.heal()
  await says(await client(), 'c')
})

test('close: nothing is left', async () => {
  const one = await client()
  await says(one, 'a')
  await proxy.close()
  await hears(one, 'a<ECONNRESET>')
  await expect(client()).rejects.toThrow('ECONNREFUSED')
})
