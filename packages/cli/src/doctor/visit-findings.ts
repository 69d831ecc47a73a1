import type { Finding } from '@holdfast/core'
import { finding } from './finding.js'
import type { Answer } from './probe.js'
import { idOf, nodesOf, routeOf, sessionOf } from './session-cookies.js'

/** Who asked, and what came back. */
export interface Visits {
  readonly url: URL
  readonly header: string | undefined
  /** Came without a cookie. */
  readonly newcomers: readonly Answer[]
  /** The one of them whose cookies the others bring. */
  readonly welcome: Answer
  /** Came with the cookies of one session, always the same. */
  readonly returns: readonly Answer[]
  /** Came with its session cookie alone. */
  readonly withoutRoute: readonly Answer[]
}

/** Whether a session that was given is there at the next request, wherever that goes. */
export function visitFindings(visits: Visits): readonly Finding[] {
  const { url, newcomers, welcome } = visits
  if (!sessionOf(welcome)) {
    return [
      finding(
        'wrong',
        'NO_COOKIE',
        `no answer to ${newcomers.length} newcomers at ${url.pathname} (status ${welcome.status}) sets a session cookie. Either this path gives nobody a session: name one that does, with --path; or something before the app drops Set-Cookie (proxy_hide_header, a cache): let it through.`,
      ),
    ]
  }
  const shared = sharedFindings(visits)
  if (shared.length > 0) return shared
  const isDropped = lost(visits.returns, visits) === visits.returns.length
  return isDropped ? [droppedFinding(visits)] : [...lostFindings(visits), ...routeFindings(visits)]
}

function sharedFindings({ newcomers }: Visits): readonly Finding[] {
  const ids = newcomers.flatMap((answer) => idOf(sessionOf(answer)) ?? [])
  const missing = newcomers.length - ids.length
  const findings: Finding[] = []
  if (new Set(ids).size < ids.length) {
    findings.push(
      finding(
        'wrong',
        'SHARED',
        `${ids.length} newcomers got ${new Set(ids).size} sessions: some have one together, and see each other's data. A cache before the app keeps answers that have Set-Cookie: let it not.`,
      ),
    )
  }
  if (missing > 0)
    findings.push(
      finding(
        'wrong',
        'NO_COOKIE',
        `${missing} of ${newcomers.length} newcomers got no session cookie. Where the path gives each of them a session, something before the app drops Set-Cookie now and then, or a node runs another version.`,
      ),
    )
  return findings
}

/** The answer gives a session, though one was brought: the app did not find it. */
const lost = (answers: readonly Answer[], { welcome }: Visits): number =>
  answers.filter((answer) => sessionOf(answer) && idOf(sessionOf(answer)) !== idOf(sessionOf(welcome))).length

const droppedFinding = ({ returns, url }: Visits): Finding =>
  finding(
    'wrong',
    'COOKIE_DROPPED',
    `all of ${returns.length} requests that brought the session cookie back were given another session: the cookie does not reach the app. Let the balancer pass the header Cookie on as it is; or, if ${url.pathname} gives a new session to everybody, name another path with --path.`,
  )

function lostFindings(visits: Visits): readonly Finding[] {
  const { returns, withoutRoute, welcome } = visits
  const route = routeOf(welcome)
  const count = lost(returns, visits)
  const findings: Finding[] = []
  if (count > 0) {
    const why = route
      ? `though they brought the route ${nodesOf(route).join('.')}: the balancer does not follow the cookie ${route.name}. Use the configuration that npx @holdfast/cli lb prints, with the names of affinity.node; or give all nodes one store (redis:, peer:)`
      : 'the nodes do not share their sessions, and the balancer sends a visitor to any of them. Give all nodes one store (redis:, peer:), or keep each visitor on one node: affinity, and the configuration that npx @holdfast/cli lb prints'
    findings.push(
      finding(
        'wrong',
        'LOST',
        `${count} of ${returns.length} requests that brought the session cookie back found no session${route ? ', ' : ': '}${why}.`,
      ),
    )
  }
  const elsewhere = lost(withoutRoute, visits)
  if (elsewhere > 0) {
    findings.push(
      finding(
        'advice',
        'NOT_SHARED',
        `a session is only on the node of its route: ${elsewhere} of ${withoutRoute.length} requests without the route cookie did not find it. A node that dies or is deployed takes its logins along. Give all nodes one store (redis:, peer:).`,
      ),
    )
  }
  return findings
}

/** Whether the requests of one visitor reach one node. */
function routeFindings(visits: Visits): readonly Finding[] {
  const { welcome, returns, header, newcomers, withoutRoute } = visits
  const route = routeOf(welcome)
  const seen = nodesSeen([...newcomers, ...returns, ...withoutRoute], header)
  if (!route) return header === undefined ? [] : onlyOneFindings(seen)
  const moved = returns.filter((answer) => {
    const next = routeOf(answer)
    return next !== undefined && next.value !== route.value && idOf(sessionOf(answer)) === undefined
  })
  const repeated = returns.filter((answer) => routeOf(answer)?.value === route.value).length
  if (repeated === returns.length) {
    return [
      finding(
        'wrong',
        'ROUTE_DROPPED',
        `each answer sets the cookie ${route.name} again: it does not reach the app. Let the balancer pass the header Cookie on as it is.`,
      ),
    ]
  }
  if (moved.length > 0) return [notSticky(moved.length, returns.length, route.name, nodesOf(route)[0] ?? '')]
  if (header !== undefined) return headerFindings(visits, header, seen)
  if (nodesOf(route).length > 1) {
    return [
      finding(
        'unknown',
        'NODES',
        `the route ${nodesOf(route).join('.')} stays the same whoever answers, so that this shows not which node did. Let each node send its name in a header, and name that with --header.`,
      ),
    ]
  }
  return onlyOneFindings(seen)
}

const notSticky = (moved: number, of: number, cookie: string, node: string): Finding =>
  finding(
    'wrong',
    'NOT_STICKY',
    `${moved} of ${of} requests with the route of node ${node} were answered by another node: the balancer does not follow the cookie ${cookie}. Use the configuration that npx @holdfast/cli lb prints, with the names of affinity.node.`,
  )

/** By what the nodes say, else by the routes that they give. */
function nodesSeen(answers: readonly Answer[], header: string | undefined): ReadonlySet<string> {
  const names = answers.flatMap((answer) =>
    header === undefined ? nodesOf(routeOf(answer)).slice(0, 1) : (answer.header(header) ?? []),
  )
  return new Set(names)
}

function headerFindings({ returns, welcome }: Visits, header: string, seen: ReadonlySet<string>): readonly Finding[] {
  const names = new Set(returns.map((answer) => answer.header(header)))
  if (names.has(undefined)) {
    return [
      finding(
        'unknown',
        'NODES',
        `not every answer has the header ${header}, so that it does not show which node answered. Let each node send its name in it.`,
      ),
    ]
  }
  const route = routeOf(welcome)
  if (names.size > 1)
    return [
      notSticky(
        returns.filter((answer) => answer.header(header) !== returns[0]?.header(header)).length,
        returns.length,
        route?.name ?? '',
        nodesOf(route)[0] ?? '',
      ),
    ]
  return onlyOneFindings(seen)
}

function onlyOneFindings(seen: ReadonlySet<string>): readonly Finding[] {
  if (seen.size !== 1) return []
  return [
    finding(
      'unknown',
      'ONE_NODE',
      `only the node ${[...seen].join()} was seen. Where there are more, the balancer goes by the address of the visitor, or sends none to the others: ask from another address, too.`,
    ),
  ]
}
