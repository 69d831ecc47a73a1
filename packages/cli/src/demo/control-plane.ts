import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Demo } from './demo.js'

/** How many clicks the page's "send" button asks for. */
const BURST = 20
/** What changes within that time goes to the page as one state: it is drawn at most 25 times a second. */
const PUBLISH_EVERY_MS = 40

const files: Readonly<Record<string, { readonly name: string; readonly type: string } | undefined>> = {
  '/': { name: 'index.html', type: 'text/html' },
  '/demo/base.css': { name: 'base.css', type: 'text/css' },
  '/demo/page.css': { name: 'page.css', type: 'text/css' },
  '/demo/launch.css': { name: 'launch.css', type: 'text/css' },
  '/demo/page.js': { name: 'page.js', type: 'text/javascript' },
  '/demo/icon.svg': { name: 'icon.svg', type: 'image/svg+xml' },
}

/** What a button of the page does; `false` when it does not fit the state of the demo. */
type Action = (demo: Demo, name: string) => boolean | Promise<boolean> | Promise<void> | void

const actions: Readonly<Record<string, Action | undefined>> = {
  choose: (demo, approach) => demo.choose(approach),
  move: (demo, approach) => demo.move(approach),
  kill: (demo, server) => demo.kill(server),
  restart: (demo, server) => demo.restart(server),
  freeze: (demo, server) => demo.freeze(server),
  thaw: (demo, server) => demo.thaw(server),
  'sign-in': (demo) => demo.signIn(),
  run: (demo) => demo.run(),
  pause: (demo) => demo.pause(),
  burst: (demo) => demo.burst(BURST),
}

/** The page and what its buttons do, at `/` and below `/demo/`. Everything else belongs to the shop. */
export class ControlPlane {
  readonly #demo: Demo
  readonly #streams = new Set<ServerResponse>()
  #publishing: NodeJS.Timeout | undefined

  constructor(demo: Demo) {
    this.#demo = demo
  }

  owns(request: IncomingMessage): boolean {
    const path = pathOf(request)
    return path === '/' || path.startsWith('/demo/')
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isOwnPage(request)) return answer(response, 403, 'Only the page of the demo itself may do this.')
    const path = pathOf(request)
    if (request.method === 'POST') return await this.#act(path, response)
    if (path === '/demo/events') return this.#stream(response)
    const file = files[path]
    if (file === undefined) return answer(response, 404, `There is no ${path} here.`)
    response.writeHead(200, {
      'content-type': `${file.type}; charset=utf-8`,
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    })
    response.end(await readFile(new URL(`./page/${file.name}`, import.meta.url)))
  }

  /** Sends the state to every open page, soon. */
  publish(): void {
    this.#publishing ??= setTimeout(() => {
      this.#publishing = undefined
      const event = this.#event()
      for (const stream of this.#streams) stream.write(event)
    }, PUBLISH_EVERY_MS)
  }

  close(): void {
    clearTimeout(this.#publishing)
    for (const stream of this.#streams) stream.end()
  }

  /** `/demo/kill/B`: the action and, where it takes one, the name that it is for. */
  async #act(path: string, response: ServerResponse): Promise<void> {
    const [, , name = '', of = ''] = path.split('/').map(decoded)
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined
    if (action === undefined) return answer(response, 404, `There is no ${path} here.`)
    const done = await action(this.#demo, of)
    if (done === false) return answer(response, 409, `Cannot ${name} ${of} now.`)
    response.writeHead(204).end()
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(this.#event())
    this.#streams.add(response)
    const stopWatching = this.#demo.watch()
    response.once('close', () => {
      this.#streams.delete(response)
      stopWatching()
    })
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#demo.state())}\n\n`
  }
}

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?', 1)[0] ?? ''

/** As it was, when it is no valid encoding. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/**
 * Other sites must not press the buttons: their requests say so in `Sec-Fetch-Site`, and one whose name was pointed at
 * this machine says its own name in `Host`.
 */
function isOwnPage({ method, headers }: IncomingMessage): boolean {
  const ownHost = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? '')
  return ownHost && (method !== 'POST' || (headers['sec-fetch-site'] ?? 'same-origin') === 'same-origin')
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text + '\n')
}
