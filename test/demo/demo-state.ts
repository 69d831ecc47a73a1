export interface ServerFacts {
  readonly name: string
  readonly pid: number
  readonly port: number
}

/** What the demo tells its page when that opens. */
export async function demoState(url: string): Promise<{ approach: string; servers: readonly ServerFacts[] }> {
  const response = await fetch(`${url}/demo/events`)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  const event = (await reader?.read())?.value ?? ''
  await reader?.cancel()
  return JSON.parse(event.slice('data: '.length))
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
