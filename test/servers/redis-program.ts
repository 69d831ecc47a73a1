import type { Server } from './server.js'

/** Also what runs Sentinels and the nodes of a Cluster. Where Debian starts it as a service, that one is left alone. */
export const redisServer: Server = { commands: ['redis-server'], debianPackages: ['redis-server'] }

/** Makes the certificates of tests with TLS. */
export const openssl: Server = { commands: ['openssl'], debianPackages: ['openssl'] }
