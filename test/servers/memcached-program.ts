import type { Server } from './server.js'

/** Where Debian starts it as a service, that one is left alone. */
export const memcached: Server = { commands: ['memcached'], debianPackages: ['memcached'] }
