import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

const ANSWER_MS = 10_000
const BODY_MS = 250

/** A `Set-Cookie` header. */
export interface SetCookie {
  readonly name: string
  readonly value: string
  /** By name in small letters; one without a value is `''`. */
  readonly attributes: ReadonlyMap<string, string>
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly cookies: readonly SetCookie[]
  readonly ms: number
  /** When the first byte of it was there, in ms since the epoch. */
  readonly at: number
}

/** One GET on a connection of its own, as a balancer may keep to a connection; redirections are answers, too. */
export function probe(url: URL, cookies: readonly SetCookie[] = []): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const headers = { accept: 'text/html,*/*', 'user-agent': 'holdfast-doctor', ...(cookie && { cookie }) }
    const sentAt = performance.now()
    const sent = send(url, { agent: false, headers }, (response) => {
      const answer = {
        status: response.statusCode ?? 0,
        header: (name: string) => response.headersDistinct[name]?.join(', '),
        cookies: (response.headersDistinct['set-cookie'] ?? []).map(setCookieOf),
        ms: performance.now() - sentAt,
        at: Date.now(),
      }
      // A page that never ends has said what is asked here.
      const enough = setTimeout(() => response.destroy(), BODY_MS)
      response.on('error', () => {}).resume()
      response.on('close', () => {
        clearTimeout(enough)
        resolve(answer)
      })
    })
    sent.setTimeout(ANSWER_MS, () => sent.destroy(new Error(`no answer in ${ANSWER_MS / 1_000} s`)))
    sent.on('error', reject).end()
  })
}

function setCookieOf(line: string): SetCookie {
  const [pair = '', ...rest] = line.split(';')
  const [name, value] = halves(pair)
  const attributes = rest.map(halves).map(([attribute, of]) => [attribute.toLowerCase(), of] as const)
  return { name, value, attributes: new Map(attributes) }
}

function halves(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}
