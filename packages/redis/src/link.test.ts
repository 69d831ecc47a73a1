import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RedisConnection } from './client.js'
import { Link } from './link.js'

/** A client whose states the test makes. */
class FakeClient extends EventEmitter {
  status = 'connecting'
  destroyed = 0
  connects = 0
  readonly corks: string[] = []
  readonly stream = {
    writable: true,
    destroy: () => void this.destroyed++,
    cork: () => void this.corks.push('cork'),
    uncork: () => void this.corks.push('uncork'),
  }
  readonly disconnects: unknown[] = []

  become(status: string): void {
    this.status = status
    this.emit(status)
  }

  disconnect(reconnect: unknown): void {
    this.disconnects.push(reconnect)
  }

  async connect(): Promise<void> {
    this.connects += 1
    this.status = 'connecting'
  }
}

function linked(status = 'connecting') {
  const client = new FakeClient()
  client.status = status
  const onReady = vi.fn()
  const link = new Link(client as unknown as RedisConnection, { name: 'redis', handshakeMs: 500, onReady })
  return { client, link, onReady }
}

const stateOf = async (call: Promise<unknown>): Promise<unknown> =>
  Promise.race([
    call.then(
      () => 'ready',
      (error: unknown) => error,
    ),
    new Promise((resolve) => setImmediate(resolve, 'waiting')),
  ])

const refusal = (reason: RegExp): unknown =>
  expect.objectContaining({
    code: 'STORE_UNAVAILABLE',
    refused: true,
    message: expect.stringMatching(reason) as unknown,
  })

describe('the link to a client', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  it('lets calls wait for the first connection', async () => {
    const { client, link, onReady } = linked()
    const waiting = link.whenReady()
    expect(await stateOf(waiting)).toBe('waiting')
    client.become('connect')
    client.become('ready')
    expect(await stateOf(waiting)).toBe('ready')
    expect(link.isReady).toBe(true)
    expect(onReady).toHaveBeenCalledOnce()
  })

  it('tells at once of a client that is ready already', () => {
    expect(linked('ready').onReady).toHaveBeenCalledOnce()
  })

  it('connects a client that waits to be used, once', () => {
    const { client, link } = linked('wait')
    void link.whenReady()
    void link.whenReady()
    expect(client.connects).toBe(1)
  })

  it('refuses calls once an attempt has failed, with its reason, until it is ready', async () => {
    const { client, link } = linked()
    const waiting = link.whenReady()
    client.emit('error', new Error('connect ECONNREFUSED'))
    client.become('close')
    expect(await stateOf(waiting)).toEqual(refusal(/redis is not connected: connect ECONNREFUSED/))
    client.become('reconnecting')
    client.become('connecting')
    expect(await stateOf(link.whenReady())).toEqual(refusal(/ECONNREFUSED/))
    client.become('ready')
    expect(await stateOf(link.whenReady())).toBe('ready')
  })

  it('lets calls wait after a break, and refuses them when the next attempt fails', async () => {
    const { client, link } = linked('ready')
    client.emit('error', new Error('read ECONNRESET'))
    client.become('close')
    client.become('reconnecting')
    const waiting = link.whenReady()
    expect(await stateOf(waiting)).toBe('waiting')
    client.become('close')
    expect(await stateOf(waiting)).toEqual(refusal(/redis is not connected/))
  })

  it('takes a connection that cannot be written to for none, whatever its status says', async () => {
    const { client, link } = linked('ready')
    client.stream.writable = false
    expect(link.isReady).toBe(false)
    expect(await stateOf(link.whenReady())).toBe('waiting')
  })

  it('drops a connection that is not ready in time, each time', async () => {
    const { client, link } = linked()
    for (const times of [1, 2]) {
      client.become('connect')
      await vi.advanceTimersByTimeAsync(499)
      expect(client.destroyed).toBe(times - 1)
      await vi.advanceTimersByTimeAsync(1)
      expect(client.disconnects).toEqual(Array(times).fill(true))
      expect(client.destroyed).toBe(times)
      expect(await stateOf(link.whenReady())).toEqual(refusal(/not ready within 500 ms/))
      client.become('close')
    }
  })

  it('leaves one alone that got ready in time', async () => {
    const { client } = linked()
    client.become('connect')
    client.become('ready')
    await vi.advanceTimersByTimeAsync(9_000)
    expect(client.disconnects).toEqual([])
  })

  it('drops nothing while an address is looked for, as ioredis gives up for ever then', () => {
    const { client, link } = linked()
    for (const status of ['wait', 'connecting', 'reconnecting', 'close', 'end']) {
      client.status = status
      link.drop(0)
    }
    expect([client.disconnects, client.destroyed]).toEqual([[], 0])
  })

  it('drops no connection that is younger than what it is blamed for', async () => {
    const { client, link } = linked()
    await vi.advanceTimersByTimeAsync(1_000)
    client.become('connect')
    client.become('ready')
    await vi.advanceTimersByTimeAsync(249)
    link.drop(250)
    expect(client.disconnects).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    link.drop(250)
    expect(client.disconnects).toEqual([true])
  })

  it('leaves nothing on the client, and no call waiting, when it is released', async () => {
    const { client, link } = linked()
    client.become('connect')
    const waiting = link.whenReady()
    link.release()
    expect(await stateOf(waiting)).toEqual(refusal(/the store is closed/))
    expect(client.eventNames()).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('what is sent in one turn of the event loop', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  it('leaves together at its end', async () => {
    const { client, link } = linked('ready')
    link.gather()
    link.gather()
    expect(client.corks).toEqual(['cork'])
    await turn()
    expect(client.corks).toEqual(['cork', 'uncork'])
    link.gather()
    await turn()
    expect(client.corks).toEqual(['cork', 'uncork', 'cork', 'uncork'])
  })

  it('leaves in parts when it is much: the first do not wait for the last', async () => {
    const { client, link } = linked('ready')
    for (let sent = 0; sent < 129; sent++) link.gather()
    expect(client.corks).toEqual(['cork', 'uncork', 'cork', 'uncork', 'cork'])
    await turn()
    expect(client.corks.at(-1)).toBe('uncork')
  })

  it('leaves on a connection that was made meanwhile too', async () => {
    const { client, link } = linked('ready')
    link.gather()
    const corks: string[] = []
    const stream = { ...client.stream, cork: () => corks.push('cork'), uncork: () => corks.push('uncork') }
    Object.assign(client, { stream })
    link.gather()
    await turn()
    expect([client.corks, corks]).toEqual([
      ['cork', 'uncork'],
      ['cork', 'uncork'],
    ])
  })
})
