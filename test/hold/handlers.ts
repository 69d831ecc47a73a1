import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { Request, Response } from 'express'
import onFinished from 'on-finished'

export type Note = (what: unknown) => void
type Handler = (req: Request, res: Response, note: Note, file: string) => unknown

const caught = (act: () => unknown): unknown => {
  try {
    act()
    return 'nothing was thrown'
  } catch (error) {
    return (error as { code?: string }).code
  }
}

/** Long enough for compression to compress it, whenever it decides. */
const text = 'text '.repeat(250)

/** Ways to answer, each as an app might have it. What a handler notices besides (codes, events) goes to `note`. */
export const handlers: Readonly<Record<string, Handler>> = {
  json: (_, res) => res.json({ a: 'x'.repeat(2000) }),
  'a small text': (_, res) => res.type('text').send('hello'),
  redirect: (_, res) => res.redirect('/next'),
  'no content': (_, res) => res.sendStatus(204),
  'an etag': (_, res) => res.send('y'.repeat(1500)),
  sendFile: (_, res, __, file) => res.sendFile(file),
  'pipeline of a file': async (_, res, note, file) => {
    await pipeline(createReadStream(file), res.type('text'))
    note('piped')
  },
  'pipe of a file': (_, res, __, file) => createReadStream(file).pipe(res.type('text')),
  'pipeline of a generator': async (_, res, note) => {
    const lines = async function* () {
      for (let i = 0; i < 300; i++) yield 'z'.repeat(1000)
    }
    await pipeline(lines, res.type('text'))
    note('piped')
  },
  'many small chunks': (_, res) => {
    const chunks = Array.from({ length: 3000 }, () => Buffer.from('0123456789'.repeat(10)))
    return Readable.from(chunks, { objectMode: false }).pipe(res.type('text'))
  },
  'writes that wait for drain': async (_, res) => {
    res.type('text')
    for (let i = 0; i < 300; i++) if (!res.write('w'.repeat(1000))) await once(res, 'drain')
    res.end()
  },
  'writes that wait for nothing': (_, res) => {
    res.type('text')
    for (let i = 0; i < 300; i++) res.write('w'.repeat(1000))
    res.end()
  },
  'server-sent events': async (_, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    res.flushHeaders()
    for (let i = 0; i < 4; i++) {
      await turn()
      res.write(`data: ${i}\n\n`)
      ;(res as { flush?: () => void }).flush?.()
    }
    res.end()
  },
  'head with an array': (_, res) => {
    res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Content-Type', 'text/plain']).end(text)
  },
  'head with a reason and an object': (_, res) => {
    res.writeHead(201, 'Made', { 'Set-Cookie': ['theme=dark'], 'X-Made': 'yes' }).end(text)
  },
  'head over headers': (_, res) => {
    res.setHeader('Set-Cookie', 'old=1')
    res.writeHead(200, { 'set-cookie': 'new=2', Connection: 'close' }).end(text)
  },
  'odd head array': (_, res, note) => {
    note(caught(() => res.writeHead(200, ['X-A', '1', 'X-B'])) !== 'nothing was thrown')
    res.end('fixed')
  },
  'bad status': (_, res, note) => {
    note(caught(() => res.writeHead(99)))
    res.statusCode = 200
    res.end('fixed')
  },
  'bad chunk': (_, res, note) => {
    note(caught(() => res.write(123)))
    res.end('fixed')
  },
  'bad last chunk': (_, res, note) => {
    note(caught(() => res.end({})))
    res.end('fixed')
  },
  'bad reason': (_, res) => {
    res.type('text').statusMessage = 'a\nb'
    res.end('x')
  },
  'callbacks of write and end': (_, res, note) => {
    res.type('text')
    res.write('a')
    res.write('b', () => note('written'))
    res.write('c', 'utf8', () => note('written'))
    res.end('d', () => note('ended'))
  },
  'encoded chunks': (_, res) => {
    res.type('text')
    res.write('aGVsbG8=', 'base64')
    res.end('e6', 'latin1')
  },
  'cork and uncork': (_, res) => {
    res.type('text')
    res.cork()
    res.write('a')
    res.write('b')
    process.nextTick(() => {
      res.uncork()
      res.end('c')
    })
  },
  'end without a body': (_, res) => res.end(),
  'two answers': (_, res, note) => {
    res.send('one')
    note(caught(() => res.send('another one')))
  },
  'a late header': (_, res, note) => {
    res.send('one')
    for (const act of [
      () => res.setHeader('X-Late', '1'),
      () => res.appendHeader('X-Late', '1'),
      () => res.removeHeader('Content-Type'),
    ]) {
      note(caught(act))
    }
  },
  'a late status': (_, res) => {
    res.send('one')
    res.status(500)
    res.statusMessage = 'Late'
  },
  'a head, then a header': (_, res, note) => {
    res.writeHead(200, { 'Content-Type': 'text/plain' })
    note(caught(() => res.setHeader('X-Late', '1')))
    note(res.headersSent)
    res.end(text)
  },
  'the state after the end': (_, res, note) => {
    note([res.headersSent, res.writableEnded])
    res.write('x')
    note([res.headersSent, res.writableEnded])
    res.end()
    note([res.headersSent, res.writableEnded])
  },
  'listeners of the end': (_, res, note) => {
    res.on('finish', () => note('finish'))
    res.on('close', () => note('close'))
    onFinished(res, (error) => note(`on-finished ${error?.message}`))
    res.end('x')
  },
  trailers: (_, res) => {
    res.writeHead(200, { Trailer: 'X-Sum', 'Content-Type': 'text/plain' })
    res.write('abc')
    res.addTrailers({ 'X-Sum': '3' })
    res.end()
  },
  'an error before the first byte': () => {
    throw Object.assign(new Error('no'), { status: 418 })
  },
  'an error after a byte': (_, res) => {
    res.write('partial')
    throw new Error('boom')
  },
  'early hints': (_, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    res.send('hinted')
  },
}
