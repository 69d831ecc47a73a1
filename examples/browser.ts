import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** Serves an app until the test ends. What it returns opens browsers on it, each with cookies of its own. */
export async function serve(app: RequestListener): Promise<() => Browser> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  return () => new Browser(`http://127.0.0.1:${port}`)
}

/** Keeps cookies and follows redirects; every page is JSON. */
export class Browser {
  readonly cookies = new Map<string, string>()

  constructor(readonly address: string) {}

  get(path: string): Promise<unknown> {
    return this.#ask(path, { method: 'GET' })
  }

  post(path: string, form: Record<string, string> = {}): Promise<unknown> {
    return this.#ask(path, { method: 'POST', body: new URLSearchParams(form) })
  }

  async #ask(path: string, init: RequestInit): Promise<unknown> {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(new URL(path, this.address), { ...init, headers: { cookie }, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const location = response.headers.get('location')
    if (location) return this.get(location)
    return response.ok ? response.json() : response.status
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '' || /max-age=0/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}
