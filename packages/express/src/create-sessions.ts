import {
  carrySessions,
  type CheckedData,
  createEngine,
  type RequestSession,
  type SessionOptions,
  type Sessions,
} from '@holdfast/core'
import { memory } from '@holdfast/memory'
import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { sessionDefiner, type SessionProperty } from './session-property.js'

/** A request whose session is typed; `sessions.handler` has it. */
export type SessionRequest<Data extends object> = Request & SessionProperty<Data>

/** The middleware of Express, which carries the methods of `Sessions`. */
export interface ExpressSessions<Data extends object> extends Sessions<Data> {
  (req: Request, res: Response, next: NextFunction): void
  /** A handler with a typed `req.session`; it throws `SessionNotMountedError` where the middleware did not run. */
  handler(handle: (req: SessionRequest<Data>, res: Response, next: NextFunction) => unknown): RequestHandler
}

/**
 * Sessions for Express 4 and 5: `const sessions = createSessions<MyData>({ secret, store }); app.use(sessions)`. The
 * session is stored before the first byte of the response. Bad options throw `ConfigError` here.
 */
export function createSessions<Data extends object = Record<string, unknown>>(
  options: SessionOptions<Data> & CheckedData<Data>,
): ExpressSessions<Data> {
  const engine = createEngine<Data>(options, { adapters: [memory] })
  const defineSession = sessionDefiner(engine.production)

  const middleware = (req: Request, res: Response, next: NextFunction): void => {
    const enter = (request: RequestSession<Data> | undefined): void => {
      try {
        if (request) defineSession(req, request)
      } catch (error) {
        next(error)
        return
      }
      next()
    }
    const attached = engine.attach(req, res)
    if (attached instanceof Promise) attached.then(enter, next)
    else enter(attached)
  }
  const handler: ExpressSessions<Data>['handler'] = (handle) => (req, res, next) => {
    engine.of(req)
    return handle(req as SessionRequest<Data>, res, next)
  }
  return carrySessions(Object.assign(middleware, { handler }), engine)
}
