import type { Server } from './server.js'

/** Where Debian starts them as services, those are left alone. */
export const haproxy: Server = { commands: ['haproxy'], debianPackages: ['haproxy'] }
export const nginx: Server = { commands: ['nginx'], debianPackages: ['nginx'] }
