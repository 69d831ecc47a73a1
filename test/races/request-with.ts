import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** A request that has come with this cookie, over no network. */
export function requestWith(cookie: string): IncomingMessage {
  const req = new IncomingMessage(new Socket())
  req.headers.cookie = cookie
  req.url = '/'
  return req
}
