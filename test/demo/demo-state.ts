export interface ServerFacts {
  readonly name: string
  readonly pid: number
  readonly port: number
}

export interface SessionServerFacts {
  readonly name: string
  readonly status: string
  readonly pid?: number
  readonly address: string
}

interface State {
  readonly approach: string
  readonly approaches: readonly {
    readonly id: string
    readonly isHere: boolean
    readonly line: string
    readonly command?: string
  }[]
  readonly servers: readonly ServerFacts[]
  readonly sessionServers?: { readonly servers: readonly SessionServerFacts[] }
  readonly visitors: readonly { readonly name: string; readonly login: string }[]
  readonly verdict: { readonly headline: string }
  readonly notice: string
}

/** What the demo tells its page when that opens: the first event of the stream, which may come in pieces or with others. */
export async function demoState(url: string): Promise<State> {
  const { body } = await fetch(`${url}/demo/events`)
  let text = ''
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece
    const end = text.indexOf('\n\n')
    if (end > 0) return JSON.parse(text.slice('data: '.length, end)) as State
  }
  throw new Error(`The stream ended before its first event: ${text}`)
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
