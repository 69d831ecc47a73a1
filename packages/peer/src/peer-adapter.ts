import { ConfigError, type StoreAdapter } from '@holdfast/core'
import { peerStore, type PeerStoreOptions } from './peer-store.js'

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

function parse(url: string): Pick<PeerStoreOptions, 'self' | 'peers' | 'backups' | 'isolated' | 'listen'> {
  const [, self, query] = /^peer:\/\/([^/?#@]+)\/?(?:\?([^#]*))?$/i.exec(url) ?? []
  if (self === undefined) {
    const shown = JSON.stringify(url.replace(/\/\/[^/]*@/, '//***@'))
    throw new ConfigError(`store: ${shown} is not understood; the secret belongs into ${SECRET}. Write ${EXAMPLE}.`)
  }
  const options: { -readonly [Name in keyof PeerStoreOptions]?: PeerStoreOptions[Name] } = {}
  let peers: readonly string[] = []
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'peers') peers = value.split(',')
    else if (name === 'backups') options.backups = backupsOf(value)
    else if (name === 'isolated') options.isolated = value as 'serve' | 'refuse'
    else if (name === 'listen') options.listen = value
    else
      throw new ConfigError(
        `store: 'peer:' has no option ${JSON.stringify(name)}. It has peers, backups, isolated and listen.`,
      )
  }
  if (peers.length === 0) throw new ConfigError(`store: the URL of 'peer:' names no peers. Write ${EXAMPLE}.`)
  return { ...options, self, peers }
}

function backupsOf(value: string): number {
  if (/^[1-9]\d?$/.test(value)) return Number(value)
  throw new ConfigError(`store: backups of 'peer:' is ${JSON.stringify(value)}. Use a whole number, such as 1.`)
}

function secretOf(value: string | undefined): string | readonly string[] | undefined {
  if (value === undefined || value === '')
    throw new ConfigError(
      `store: 'peer:' needs ${SECRET} in the environment, the same on all nodes. Make one: node -p "require('crypto').randomBytes(32).toString('base64url')"`,
    )
  return value.includes(',') ? value.split(',') : value
}
