import { checkServerIdentity, type ConnectionOptions, type TLSSocket, type TlsOptions } from 'node:tls'
import { isIP } from 'node:net'
import { ConfigError } from '@holdfast/core'
import type { PeerAddress } from './peer-name.js'
import { preSharedKeys } from './pre-shared-keys.js'

/** Certificates instead of a secret, in PEM. Both sides show theirs; that of a node has to be for its host. */
export interface PeerCertificates {
  readonly ca: string | Buffer
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

/** How nodes prove to each other that they belong together. */
export interface Credentials {
  readonly server: TlsOptions
  /** Settings to dial with, the best first. Which of them the other side takes is found by trying. */
  readonly clients: readonly ConnectionOptions[]
  /** What to check when the other side does not take them. */
  readonly advice: string
  /** What is wrong with the certificate of a node that says it is at `address`. */
  faultOf(socket: TLSSocket, address: PeerAddress): string | undefined
}

/**
 * TLS 1.3 in which the key only proves who is there; what is sent is under keys that are new for each connection (X25519).
 * OpenSSL allows such keys with SHA-256 only, which leaves these two.
 */
const PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256'
const MIN_VERSION = 'TLSv1.3'
/** OpenSSL takes no longer name of a key. */
const IDENTITY_LENGTH = 128

/** `onUnknownKey` gets the name that a node without our secret gave itself. */
export function credentialsOf(
  self: string,
  { secret, tls }: { readonly secret?: unknown; readonly tls?: PeerCertificates | undefined },
  onUnknownKey: (keyId: string, name: string) => void,
): Credentials {
  if (tls === undefined) return bySecret(self, secret, onUnknownKey)
  if (secret !== undefined) throw new ConfigError('peer: there are both secret and tls. Give one of them.')
  return byCertificate(tls)
}

function bySecret(self: string, secret: unknown, onUnknownKey: (keyId: string, name: string) => void): Credentials {
  const keys = preSharedKeys(secret)
  const common = { minVersion: MIN_VERSION, ciphers: PSK_CIPHERS } as const
  return {
    server: {
      ...common,
      pskCallback: (_socket, identity) => {
        const [id = '', name = ''] = identity.split(' ')
        const known = keys.find((key) => key.id === id)
        if (!known) onUnknownKey(id, name)
        return known?.key ?? null
      },
    },
    clients: keys.map(({ id, key }) => ({
      ...common,
      pskCallback: () => ({ psk: key, identity: `${id} ${self}`.slice(0, IDENTITY_LENGTH) }),
      checkServerIdentity: () => undefined,
    })),
    advice: 'Check that secret is the same on both nodes.',
    faultOf: () => undefined,
  }
}

function byCertificate({ ca, cert, key }: PeerCertificates): Credentials {
  for (const [name, pem] of Object.entries({ ca, cert, key }))
    if (!pem) throw new ConfigError(`peer: tls.${name} is missing. Give the content of its file (PEM).`)
  const common = { minVersion: MIN_VERSION, ca, cert, key } as const
  return {
    server: { ...common, requestCert: true, rejectUnauthorized: true },
    clients: [common],
    advice: 'Check tls.ca, tls.cert and tls.key on both nodes.',
    faultOf: (socket, { host }) => checkServerIdentity(host, socket.getPeerCertificate())?.message,
  }
}

/** Where to dial: a server is named in TLS only by a name that is not an address (RFC 6066, 3). */
export const target = ({ host, port }: PeerAddress): ConnectionOptions => ({
  host,
  port,
  ...(isIP(host) === 0 && { servername: host }),
})

/** The two sides did not come to terms, as opposed to: there was nobody, or the connection broke. */
export function isTlsFailure(error: unknown): error is NodeJS.ErrnoException {
  const { code, errno } = (error ?? {}) as NodeJS.ErrnoException
  return code === 'EPROTO' || (code !== undefined && code !== 'ECONNRESET' && errno === undefined)
}
