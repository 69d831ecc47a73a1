export * from './errors.js'
export * from './store.js'
export type { Duration } from './duration.js'
export type * from './types.js'
