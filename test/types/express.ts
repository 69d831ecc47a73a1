import { createSessions, expressSessionStore, type SessionRequest } from '@holdfast/express'
import express, { type Response } from 'express'
import { assertNot, type IsAny } from './is-any.js'

interface Shop {
  userId: string
  cart: string[]
}

const sessions = createSessions<Shop>({ secret: [process.env['SESSION_SECRET']], store: process.env['SESSION_STORE'] })

const app = express()
app.use(sessions)
app.use('/api', sessions)

app.get('/', (req, res) => {
  const session = sessions.of(req)
  assertNot<IsAny<typeof session>>()
  const userId: string | undefined = session.userId
  // @ts-expect-error there is no such field
  void session.nope
  // @ts-expect-error the cart is a list
  session.cart = 'apple'
  res.json({ userId })
})

app.post(
  '/logout',
  sessions.handler((req, res, next) => {
    assertNot<IsAny<typeof req.session>>()
    const userId: string | undefined = req.session.userId
    // @ts-expect-error there is no such field
    void req.session.nope
    req.session.destroy((error) => (error === undefined ? res.json({ userId }) : next(error)))
  }),
)

app.post(
  '/login',
  sessions.handler(async (req: SessionRequest<Shop>, res: Response) => {
    req.session.rotate()
    req.session.userId = 'u1'
    await req.session.bindUser('u1')
    req.session.remember({ idle: '14d' })
    res.redirect('/')
  }),
)

// @ts-expect-error `save` is a member of the session
createSessions<{ save: boolean }>({ secret: 'x' })

// For express-session, with its types and without.
const store = expressSessionStore(sessions)
assertNot<IsAny<typeof store>>()
store.destroy('id', (error) => app.emit('error', error))
export const everybody: Promise<{ readonly id: string }[]> = store.all()
export const count: Promise<number> = store.length()
export const gone: Promise<void> = store.destroy('id')
// @ts-expect-error there is no such option
expressSessionStore(sessions, { adopted: store })
// @ts-expect-error not what createSessions returned
expressSessionStore({})
