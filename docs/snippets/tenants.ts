import type { IncomingMessage } from 'node:http'
import Koa from 'koa'
import { createSessions } from '@holdfast/koa'

const secret = process.env.SESSION_SECRET
const app = new Koa()

// #region tenants
const isShop = (req: IncomingMessage) => req.headers.host === 'shop.example'

app.use(createSessions({ secret, skip: (req) => !isShop(req) }))
app.use(createSessions({ secret, skip: isShop }))
// #endregion tenants
