import type { Server } from './server.js'

/** What members of a cluster run on. */
export const java: Server = { commands: ['java'], debianPackages: ['openjdk-17-jre-headless'] }
/** Brings their jar. */
export const maven: Server = { commands: ['mvn'], debianPackages: ['maven'] }
