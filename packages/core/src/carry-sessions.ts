import type { Engine } from './engine.js'
import { keepParts, partsOf } from './engine-parts.js'
import type { Sessions } from './types.js'

const METHODS = [
  ...(['of', 'read', 'update', 'create', 'listByUser', 'destroyByUser'] as const),
  ...(['ready', 'health', 'status', 'drain', 'close'] as const),
  Symbol.asyncDispose,
] as const satisfies readonly (keyof Sessions<object>)[]

/** Makes a middleware what `createSessions` returns: it carries the methods of its engine. */
export function carrySessions<Data extends object, Middleware extends object>(
  middleware: Middleware,
  engine: Engine<Data>,
): Middleware & Sessions<Data> {
  for (const method of METHODS) {
    Object.defineProperty(middleware, method, { value: engine[method].bind(engine), enumerable: true })
  }
  keepParts(middleware, partsOf(engine))
  return middleware as Middleware & Sessions<Data>
}
