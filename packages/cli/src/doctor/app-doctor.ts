import { ConfigError, type Diagnosis } from '@holdfast/core'
import { answerFindings, cookieFindings } from './answer-findings.js'
import { type Answer, probe, type SetCookie } from './probe.js'
import { routeOf, sessionOf } from './session-cookies.js'
import { type Visits, visitFindings } from './visit-findings.js'

export interface AppOptions {
  /** Gives a newcomer a session. */
  readonly path: string
  /** The response header in which a node says its name. */
  readonly header: string | undefined
}

const NEWCOMERS = 8
const RETURNS = 16

/** Sends some 30 requests to the app, through whatever stands before it, and looks at what comes back. */
export async function diagnoseApp(address: string, { path, header }: AppOptions): Promise<Diagnosis> {
  const url = new URL(path, address)
  if (url.origin !== new URL(address).origin)
    throw new ConfigError(`--path is ${JSON.stringify(path)}. Give a path of the app, such as /login.`)
  const ask = (cookies?: readonly SetCookie[]): Promise<Answer> =>
    probe(url, cookies).catch((error: Error) => {
      throw new ConfigError(
        `${url.origin} does not answer: ${error.message || String((error as NodeJS.ErrnoException).code)}. Start the app, or correct the address.`,
        { cause: error },
      )
    })
  const newcomers = await several(NEWCOMERS, () => ask())
  assertNotElsewhere(url, newcomers[0] as Answer)
  const welcome = newcomers.find((answer) => sessionOf(answer)) ?? (newcomers[0] as Answer)
  const [session, route] = [sessionOf(welcome), routeOf(welcome)]
  const returns = session ? await several(RETURNS, () => ask(route ? [session, route] : [session])) : []
  const withoutRoute = session && route ? await several(NEWCOMERS, () => ask([session])) : []
  const visits: Visits = { url, header, newcomers, welcome, returns, withoutRoute }
  const answers = [...newcomers, ...returns, ...withoutRoute]
  const findings = [
    ...answerFindings(url, answers),
    ...(session ? cookieFindings(url, session) : []),
    ...visitFindings(visits),
  ]
  return { servers: [reportOf(url, answers)], findings }
}

async function several(count: number, ask: () => Promise<Answer>): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  while (answers.length < count) answers.push(await ask())
  return answers
}

/** What it says of another address would be said of this one. */
function assertNotElsewhere(url: URL, { status, header }: Answer): void {
  const target = header('location')
  if (status < 300 || status > 399 || target === undefined) return
  const { origin } = new URL(target, url)
  if (origin !== url.origin)
    throw new ConfigError(
      `${url.origin} answers ${status} and sends its visitors to ${origin}. Ask there: doctor ${origin}.`,
    )
}

function reportOf(url: URL, answers: readonly Answer[]): Diagnosis['servers'][number] {
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b)
  const [first] = answers as readonly [Answer]
  const date = Date.parse(first.header('date') ?? '')
  return {
    server: url.host,
    what: `${answers.length} requests`,
    roundTripMs: times[Math.floor(times.length / 2)] as number,
    // It tells whole seconds.
    aheadMs: Number.isNaN(date) ? undefined : first.at - date - 500,
  }
}
