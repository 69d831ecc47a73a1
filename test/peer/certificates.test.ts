import { readFile } from 'node:fs/promises'
import { connect } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import type { PeerCertificates } from '../../packages/peer/src/credentials.js'
import { makeCertificate } from '../servers/certificates.js'
import { freePort } from '../servers/free-port.js'
import { requireServer } from '../servers/require-server.js'
import { makeScratch, type Scratch } from '../servers/scratch.js'
import { until } from '../servers/until.js'
import { collectWarnings, dataOf, echo, newTransport, read, untilConnected } from './transports.js'

const openssl = await requireServer('openssl')

/** Names of nodes on 127.0.0.1, for which the certificates are. The first dials. */
const twoNames = async (): Promise<readonly [string, string]> => {
  const [one, another] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  return one < another ? [one, another] : [another, one]
}

describe.skipIf(openssl === undefined)('certificates instead of a secret', () => {
  let scratch: Scratch
  let ours: PeerCertificates
  let others: PeerCertificates
  const certificateOf = async (name: string): Promise<PeerCertificates> => {
    const { ca, certFile, keyFile } = await makeCertificate(scratch.path, name)
    return { ca, cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile) }
  }
  beforeAll(async () => {
    scratch = await makeScratch()
    ours = await certificateOf('ours')
    others = await certificateOf('others')
    return () => scratch.remove()
  })

  test('of one authority connect two nodes', async () => {
    const [toA, toB] = await twoNames()
    const a = newTransport({ self: toA, peers: [toB], tls: ours })
    const b = newTransport({ self: toB, peers: [toA], tls: ours })
    await Promise.all([a.start(echo), b.start(echo)])
    await untilConnected([a, b])
    expect([await dataOf(a.call(toB, read('k'))), await dataOf(b.call(toA, read('l')))]).toEqual(['k', 'l'])
  })

  test('of another authority are refused, and the node that refuses says what to check', async () => {
    const warnings = collectWarnings()
    const [toA, toB] = await twoNames()
    const a = newTransport({ self: toA, peers: [toB], tls: { ...others, ca: ours.ca } })
    const b = newTransport({ self: toB, peers: [toA], tls: ours })
    await Promise.all([a.start(echo), b.start(echo)])
    await until('both have counted it', () => a.counts.refusedHandshakes > 1 && b.counts.refusedHandshakes > 1)
    expect(warnings).toEqual([
      'peer: The certificate of a node was refused (UNABLE_TO_VERIFY_LEAF_SIGNATURE). Check tls.ca, tls.cert and tls.key on both nodes.',
    ])
    expect([a.counts.connections, b.counts.connections, b.counts.bytesIn]).toEqual([0, 0, 0])
  })

  test('of an authority that the node that dials does not know are refused by it', async () => {
    const warnings = collectWarnings()
    const [toA, toB] = await twoNames()
    const a = newTransport({ self: toA, peers: [toB], tls: { ...ours, ca: others.ca } })
    const b = newTransport({ self: toB, peers: [toA], tls: ours })
    await Promise.all([a.start(echo), b.start(echo)])
    await until('it is said', () => warnings.length > 0)
    expect(warnings[0]).toContain(`TLS with ${toB} failed`)
    expect(a.counts.connections + b.counts.connections).toBe(0)
  })

  test('for another host than the name of the node are refused', async () => {
    const warnings = collectWarnings()
    const [name, toB] = ['10.255.255.1:7946', `127.0.0.1:${await freePort()}`]
    const a = newTransport({ self: name, peers: [toB], tls: ours, listen: `127.0.0.1:${await freePort()}` })
    const b = newTransport({ self: toB, peers: [name], tls: ours })
    await Promise.all([a.start(echo), b.start(echo)])
    await until('it is said', () => warnings.length > 0)
    expect(warnings[0]).toContain(`peer: ${name} was refused: `)
    expect(warnings[0]).toContain('10.255.255.1')
    expect(b.counts.connections).toBe(0)
  })

  test('do not let in one that has none', async () => {
    const [toA, toB] = await twoNames()
    const b = newTransport({ self: toB, peers: [toA], tls: ours })
    await b.start(echo)
    const [host = '', port] = toB.split(':')
    const stranger = connect({ host, port: Number(port), rejectUnauthorized: false }).on('error', () => {})
    await until('it is counted', () => b.counts.refusedHandshakes === 1)
    stranger.destroy()
    expect([b.counts.connections, b.counts.bytesIn, b.counts.bytesOut]).toEqual([0, 0, 0])
  })
})
