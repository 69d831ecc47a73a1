import { Cluster, Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { assertClient, isCluster } from './client.js'

const refusal = (client: unknown): string => {
  try {
    assertClient(client)
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG' })
    return (error as Error).message
  }
  return expect.unreachable('it was taken')
}

describe('the client that is given', () => {
  it('may be a Redis or a Cluster', () => {
    const redis = new Redis({ lazyConnect: true })
    const cluster = new Cluster(['127.0.0.1:1'], { lazyConnect: true })
    for (const client of [redis, cluster]) assertClient(client)
    expect([isCluster(redis), isCluster(cluster)]).toEqual([false, true])
  })

  it('may not be one of node-redis, which is told apart', () => {
    expect(refusal({ sendCommand: () => {}, evalSha: () => {}, EVALSHA: () => {}, connect: () => {} })).toMatch(
      /node-redis.*npm install ioredis/,
    )
  })

  it.each([
    [undefined, 'client is undefined'],
    [null, 'client is null'],
    ['redis://user:hush@host', 'client is string'],
    [{ get: () => {}, set: () => {} }, 'client is no client of ioredis'],
  ])('may not be %o', (client, message) => {
    expect(refusal(client)).toContain(message)
    expect(refusal(client)).toMatch(/new Redis\(url\)/)
    expect(refusal(client)).not.toContain('hush')
  })
})
