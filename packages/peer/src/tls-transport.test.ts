import { isConfigError } from '@holdfast/core'
import { describe, expect, test } from 'vitest'
import { tlsTransport, type TlsTransportOptions } from './tls-transport.js'

const SECRET = 'a secret that is long enough for all of them'
const right: TlsTransportOptions = { self: '10.0.0.1:7946', peers: ['10.0.0.2:7946'], secret: SECRET }

const messageOf = (options: object): string => {
  try {
    tlsTransport({ ...right, ...options })
    return 'it was taken'
  } catch (error) {
    expect(error).toSatisfy(isConfigError)
    return (error as Error).message
  }
}

describe('options that are wrong are refused by name and value', () => {
  const form = "Write host:port, such as '10.0.0.1:7946'."
  test.each([
    [{ self: 'localhost' }, `peer: self is "localhost". ${form}`],
    [{ self: '10.0.0.1:0' }, `peer: self is "10.0.0.1:0". ${form}`],
    [{ self: '::1:7946' }, `peer: self is "::1:7946". ${form}`],
    [{ self: undefined }, `peer: self is undefined. ${form}`],
    [{ peers: ['10.0.0.2:70000'] }, `peer: peers[0] is "10.0.0.2:70000". ${form}`],
    [{ peers: ['10.0.0.2:1', 7] }, `peer: peers[1] is 7. ${form}`],
    [{ listen: 'here' }, `peer: listen is "here". ${form}`],
    [{ peers: '10.0.0.2:7946' }, 'peer: peers is "10.0.0.2:7946". Give a list of host:port.'],
    [
      { peers: ['10.0.0.1:7946'] },
      'peer: peers[0] is 10.0.0.1:7946, which is self or there already. List each other node once.',
    ],
    [
      { peers: ['10.0.0.2:7946', '10.0.0.2:7946'] },
      'peer: peers[1] is 10.0.0.2:7946, which is self or there already. List each other node once.',
    ],
    [{ tls: { ca: 'x', cert: 'y', key: 'z' } }, 'peer: there are both secret and tls. Give one of them.'],
    [
      { secret: undefined, tls: { ca: 'x', cert: '', key: 'z' } },
      'peer: tls.cert is missing. Give the content of its file (PEM).',
    ],
  ])('%j', (options, message) => expect(messageOf(options)).toBe(message))

  test('tls: files that are not PEM, before anything listens', () => {
    expect(messageOf({ secret: undefined, tls: { ca: 'x', cert: 'y', key: 'z' } })).toMatch(
      /^peer: tls cannot be used: .+\. Give the content of the three files \(PEM\)\.$/,
    )
  })

  test.each([
    [undefined, 'peer: secret is missing: nodes know each other by it.'],
    ['', 'peer: secret is missing: nodes know each other by it.'],
    [[], 'peer: secret is an empty list.'],
    [7, 'peer: secret is of type number.'],
    ['s'.repeat(31), 'peer: secret has 31 bytes, at least 32 are needed.'],
    [[SECRET, undefined], 'peer: secret[1] is missing: nodes know each other by it.'],
    [[SECRET, 'short'], 'peer: secret[1] has 5 bytes, at least 32 are needed.'],
  ])('secret: %j, with the command that makes one', (secret, beginning) => {
    const advice = `Make one and give it to all nodes: node -p "require('crypto').randomBytes(32).toString('base64url')"`
    expect(messageOf({ secret })).toBe(`${beginning} ${advice}`)
  })
})

test.each(['10.0.0.1:7946', 'node-a.internal:7946', '[2001:db8::1]:7946'])('%s may be the name of a node', (self) => {
  expect(messageOf({ self })).toBe('it was taken')
})

test('calls before the start, and to a node that is not there, are refused at once', async () => {
  const transport = tlsTransport(right)
  const refused = { code: 'STORE_UNAVAILABLE', refused: true }
  const call = (peer: string) => transport.call(peer, { op: 'read', key: 'k' })
  await expect(call('10.0.0.2:7946')).rejects.toMatchObject({
    ...refused,
    message: 'peer 10.0.0.2:7946: there is no connection to it.',
  })
  await expect(call('nobody')).rejects.toMatchObject(refused)
})

test('a transport that is closed before its start never starts', async () => {
  const transport = tlsTransport(right)
  await transport.close()
  await transport.close()
  await expect(transport.start(async () => ({}))).rejects.toMatchObject({
    message: 'peer: the transport is closed.',
    refused: true,
  })
})
