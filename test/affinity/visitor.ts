import { ask, type Answer, type Question, type Said } from './node.js'

export interface Visit extends Answer {
  readonly said: Said
}

/** A browser at the balancer: it keeps what it is given, a session cookie and a route. */
export class Visitor {
  readonly jar = new Map<string, string>()
  readonly #port: number
  readonly #from: string | undefined

  constructor(port: number, from?: string) {
    this.#port = port
    this.#from = from
  }

  /** The nodes of its route: `['a', 'b']`. */
  get route(): readonly string[] {
    return (this.jar.get('holdfast_route') ?? '').split('.').slice(0, -1)
  }

  /** `route` is sent in place of the one that it has; its answer is kept. */
  async go(path: string, question: Partial<Question> & { readonly route?: string } = {}): Promise<Visit> {
    const answer = await this.try(path, question)
    if (answer.status !== 200) throw new Error(`${path} was answered with ${answer.status}: ${answer.body}`)
    return { ...answer, said: JSON.parse(answer.body) as Said }
  }

  async try(
    path: string,
    { route, ...question }: Partial<Question> & { readonly route?: string } = {},
  ): Promise<Answer> {
    const sent = new Map(this.jar)
    if (route !== undefined) sent.set('holdfast_route', route)
    const cookie = [...sent].map((pair) => pair.join('=')).join('; ')
    const answer = await ask({ port: this.#port, from: this.#from, path, cookie, ...question })
    for (const line of answer.set) this.#keep(line)
    return answer
  }

  #keep(line: string): void {
    const [name, value] = (line.split(';', 1)[0] as string).split('=') as [string, string]
    if (/; Max-Age=0\b/.test(line)) this.jar.delete(name)
    else this.jar.set(name, value)
  }
}

/** The route in an answer, if it sets one. */
export const routeIn = ({ set }: Answer): string | undefined =>
  set.map((line) => /^holdfast_route=([^;]*)/.exec(line)?.[1]).find((value) => value !== undefined)
