import { STATUS_CODES } from 'node:http'
import {
  carrySessions,
  type CheckedData,
  createEngine,
  type RequestSession,
  type SessionOptions,
  type Sessions,
} from '@holdfast/core'
import { memory } from '@holdfast/memory'
import type Koa from 'koa'
import { defineSession, type SessionContext } from './session-property.js'

/** The middleware of Koa, which carries the methods of `Sessions`. */
export interface KoaSessions<Data extends object> extends Sessions<Data> {
  (
    ctx: Koa.ParameterizedContext<Koa.DefaultState, Koa.DefaultContext & SessionContext<Data>>,
    next: Koa.Next,
  ): Promise<void>
}

/**
 * Sessions for Koa 2 and 3: `const sessions = createSessions<MyData>({ secret, store }); app.use(sessions)`. The session
 * is stored after the handlers, before the first byte of the response. Bad options throw `ConfigError` here.
 */
export function createSessions<Data extends object = Record<string, unknown>>(
  options: SessionOptions<Data> & CheckedData<Data>,
): KoaSessions<Data> {
  const engine = createEngine<Data>(options, { adapters: [memory], warnOnRegenerate: true })

  const middleware = async (ctx: Koa.Context, next: Koa.Next): Promise<void> => {
    const attached = engine.attach(ctx.req, ctx.res)
    const request = attached instanceof Promise ? await attached : attached
    if (request) defineSession(ctx, request)
    await (request ? runAndCommit(ctx, next, request) : next())
  }
  return carrySessions(middleware, engine)
}

async function runAndCommit<Data extends object>(ctx: Koa.Context, next: Koa.Next, request: RequestSession<Data>) {
  try {
    await next()
  } catch (error) {
    const status = statusOf(error)
    if (status !== undefined) await request.commit(status)
    throw error
  }
  // An app that answers on its own may do so later; its first byte commits.
  if (ctx.respond !== false || request.headStarted) await request.commit(ctx.status)
}

/** The status that Koa gives an error; undefined: only its answer will tell, Koa 2 makes ENOENT a 404 and Koa 3 a 500. */
function statusOf(error: unknown): number | undefined {
  const { code, status, statusCode } = (error ?? {}) as { code?: unknown; status?: unknown; statusCode?: unknown }
  if (code === 'ENOENT') return undefined
  const given = status || statusCode
  return typeof given === 'number' && STATUS_CODES[given] !== undefined ? given : 500
}
