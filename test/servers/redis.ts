import { makeCertificate, type Certificate } from './certificates.js'
import { RedisProcess, startOnFreePort } from './redis-process.js'
import { makeScratch, type Scratch } from './scratch.js'

export interface StartRedisOptions {
  /** More arguments of `redis-server`: `['--maxmemory', '3mb']`. */
  readonly args?: readonly string[]
  readonly password?: string
  /** Only TLS is spoken. `'untrusted'`: with a certificate that another authority has signed than `ca`. */
  readonly tls?: 'trusted' | 'untrusted'
  /** Each write is saved before it is answered, so that `restart()` keeps all. Default: nothing is saved. */
  readonly persistent?: boolean
  /** The server that it replicates. */
  readonly replicaOf?: { readonly host: string; readonly port: number }
}

/** A server of its own, on a free port of 127.0.0.1, with its temporary folder. */
export class RedisServer extends RedisProcess {
  readonly #scratch: Scratch
  readonly #password: string | undefined
  /** What a client must trust (PEM), where TLS is on. */
  readonly ca: string | undefined
  readonly caFile: string | undefined

  constructor(scratch: Scratch, port: number, options: StartRedisOptions, certificates?: Certificates) {
    const { password, tls } = options
    const client = { ...(password && { password }), ...(tls && { tls: { rejectUnauthorized: false } }) }
    super({ port, folder: scratch.path, args: argsOf(port, options, certificates), client })
    this.#scratch = scratch
    this.#password = password
    this.ca = certificates?.trusted.ca
    this.caFile = certificates?.trusted.caFile
  }

  get url(): string {
    const user = this.#password === undefined ? '' : `:${encodeURIComponent(this.#password)}@`
    return `${this.ca ? 'rediss' : 'redis'}://${user}${this.host}:${this.port}`
  }

  /** Kills it and removes its folder. May be called twice. */
  async stop(): Promise<void> {
    await this.kill()
    await this.#scratch.remove()
  }
}

/** Starts one Redis server; `requireServer('redis-server')` says whether there is one on this machine. */
export async function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  const scratch = await makeScratch()
  try {
    const certificates = options.tls && (await makeCertificates(scratch.path))
    return await startOnFreePort((port) => new RedisServer(scratch, port, options, certificates))
  } catch (error) {
    await scratch.remove()
    throw error
  }
}

interface Certificates {
  readonly trusted: Certificate
  readonly untrusted: Certificate
}

async function makeCertificates(folder: string): Promise<Certificates> {
  return { trusted: await makeCertificate(folder, 'trusted'), untrusted: await makeCertificate(folder, 'untrusted') }
}

/**
 * The arguments that every server of tests has: nothing saved, and a replica is served at once. Protected mode would refuse
 * what comes from 127.0.0.2.
 */
export const basicArgs = (port: number): readonly string[] => [
  ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
  ...['--repl-diskless-sync-delay', '0', '--protected-mode', 'no'],
]

function argsOf(port: number, options: StartRedisOptions, certificates?: Certificates): readonly string[] {
  const { args = [], password, tls, persistent = false, replicaOf } = options
  return [
    ...basicArgs(port),
    ...(persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []),
    ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
    ...(replicaOf ? ['--replicaof', replicaOf.host, String(replicaOf.port)] : []),
    ...(tls && certificates ? tlsArgs(port, certificates, tls) : []),
    ...args,
  ]
}

function tlsArgs(port: number, certificates: Certificates, which: 'trusted' | 'untrusted'): readonly string[] {
  const { certFile, keyFile, caFile } = certificates[which]
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile]
  return ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no', ...files]
}
