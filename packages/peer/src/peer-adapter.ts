import { ConfigError, type StoreAdapter } from '@holdfast/core'
import { peerStore, type PeerStoreOptions } from './peer-store.js'
import { LEAST_SECRET_BYTES } from './pre-shared-keys.js'

const EXAMPLE = "'peer://10.0.0.1:7946?peers=10.0.0.2:7946,10.0.0.3:7946'"
/** Where the secret of the URL form comes from; several are separated by commas, newest first. */
const SECRET = 'HOLDFAST_PEER_SECRET'

/** Opens `peer://10.0.0.1:7946?peers=10.0.0.2:7946,10.0.0.3:7946&backups=1`; the secret is in the environment. */
export const peer: StoreAdapter = {
  name: 'peer',
  schemes: ['peer'],
  sealsItself: true,
  open: (url, { clock }) => peerStore({ ...parse(url), secret: secretOf(process.env[SECRET]), clock }),
}

function parse(url: string): Omit<PeerStoreOptions, 'secret' | 'tls' | 'clock'> {
  const [, self, query] = /^peer:\/\/([^/?#@]+)\/?(?:\?([^#]*))?$/i.exec(url) ?? []
  if (self === undefined) {
    const shown = JSON.stringify(url.replace(/\/\/[^/]*@/, '//***@'))
    throw new ConfigError(`store: ${shown} is not understood; the secret belongs into ${SECRET}. Write ${EXAMPLE}.`)
  }
  const options: { -readonly [Name in keyof PeerStoreOptions]?: PeerStoreOptions[Name] } = {}
  let peers: readonly string[] = []
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'peers') peers = value.split(',')
    else if (name === 'backups' || name === 'maxBytes' || name === 'maxSessions')
      options[name] = wholeNumber(name, value)
    else if (name === 'isolated') options.isolated = value as 'serve' | 'refuse'
    else if (name === 'listen') options.listen = value
    else
      throw new ConfigError(
        `store: 'peer:' has no option ${JSON.stringify(name)}. It has peers, backups, isolated, listen, maxBytes and maxSessions.`,
      )
  }
  if (peers.length === 0) throw new ConfigError(`store: the URL of 'peer:' names no peers. Write ${EXAMPLE}.`)
  return { ...options, self, peers }
}

function wholeNumber(name: string, value: string): number {
  if (/^[1-9]\d{0,14}$/.test(value)) return Number(value)
  throw new ConfigError(`store: ${name} of 'peer:' is ${JSON.stringify(value)}. Use a whole number above 0.`)
}

function secretOf(value: string | undefined): string | readonly string[] | undefined {
  if (value === undefined || value === '')
    throw new ConfigError(
      `store: 'peer:' needs ${SECRET} in the environment, the same on all nodes. Make one: node -p "require('crypto').randomBytes(32).toString('base64url')"`,
    )
  if (!value.includes(',')) return value
  const secrets = value.split(',')
  for (const [at, secret] of secrets.entries()) assertSecret(secret, at, secrets.length)
  return secrets
}

/** Who has a comma in a secret did not mean several. An older one that is not there is left out. */
function assertSecret(secret: string, at: number, count: number): void {
  const bytes = Buffer.byteLength(secret)
  const isMissing = at > 0 && bytes === 0
  if (isMissing || (bytes >= LEAST_SECRET_BYTES && secret.trim() === secret)) return
  const fault =
    bytes < LEAST_SECRET_BYTES ? `has ${bytes} bytes, of ${LEAST_SECRET_BYTES} at least` : 'has a space beside it'
  throw new ConfigError(
    `store: ${SECRET} has a comma in it and is taken for ${count} secrets, newest first, of which number ${at + 1} ${fault}. A secret has no comma; write new,old to change it.`,
  )
}
