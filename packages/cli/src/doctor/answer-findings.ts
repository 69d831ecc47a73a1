import type { Finding } from '@holdfast/core'
import { finding } from './finding.js'
import type { Answer, SetCookie } from './probe.js'
import { sessionOf } from './session-cookies.js'

/** What is wrong with single answers, whoever asked. */
export function answerFindings(url: URL, answers: readonly Answer[]): readonly Finding[] {
  return [
    ...statusFindings(url, answers),
    ...doubledFindings(answers),
    ...cacheFindings(answers),
    ...clockFindings(answers),
  ]
}

function statusFindings(url: URL, answers: readonly Answer[]): readonly Finding[] {
  const failed = answers.filter(({ status }) => status >= 500)
  if (failed.length === 0) return []
  const statuses = [...new Set(failed.map(({ status }) => status))].join(', ')
  return [
    finding(
      'wrong',
      'STATUS',
      `${failed.length} of ${answers.length} requests for ${url.pathname} were answered with ${statuses}: a node or its store is away. Look at the log of the app, and at the health of its nodes.`,
    ),
  ]
}

function doubledFindings(answers: readonly Answer[]): readonly Finding[] {
  for (const { cookies } of answers) {
    const names = cookies.map(({ name }) => name)
    const name = names.find((one, at) => names.indexOf(one) < at)
    if (name === undefined) continue
    return [
      finding(
        'wrong',
        'COOKIE_DOUBLED',
        `one answer sets the cookie ${name} ${names.filter((one) => one === name).length} times, and which of them a browser keeps is up to it: something before the app adds the header again. Take Set-Cookie out of what the balancer adds (add_header, rspadd, http-response add-header).`,
      ),
    ]
  }
  return []
}

function cacheFindings(answers: readonly Answer[]): readonly Finding[] {
  const findings: Finding[] = []
  const withSession = answers.filter((answer) => sessionOf(answer))
  const shared = withSession.find(
    ({ header }) => !/\b(?:private|no-store|no-cache)\b/i.test(header('cache-control') ?? ''),
  )
  if (shared) {
    const says = shared.header('cache-control')
    findings.push(
      finding(
        'wrong',
        'CACHEABLE',
        `an answer that sets the session cookie has ${says === undefined ? 'no Cache-Control' : `Cache-Control: ${says}`}, so a cache may give one visitor's cookie to others. Let Cache-Control: private, which the app sends, through; or send private or no-store from the route.`,
      ),
    )
  }
  const cached = withSession.find(
    ({ header }) => Number(header('age') ?? 0) > 0 || /\bhit\b/i.test(header('x-cache') ?? ''),
  )
  if (cached) {
    findings.push(
      finding(
        'wrong',
        'CACHED',
        `an answer that sets the session cookie came from a cache (Age: ${cached.header('age') ?? '-'}, X-Cache: ${cached.header('x-cache') ?? '-'}): visitors get each other's sessions. Let the cache keep nothing that has Set-Cookie.`,
      ),
    )
  }
  return findings
}

const MOST_SKEW_MS = 5_500

function clockFindings([first]: readonly Answer[]): readonly Finding[] {
  const date = Date.parse(first?.header('date') ?? '')
  const aheadMs = first ? first.at - date : 0
  if (!(Math.abs(aheadMs) > MOST_SKEW_MS)) return []
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  return [
    finding(
      'wrong',
      'CLOCK',
      `the clock of this machine is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the one in the answer (Date: ${first?.header('date')}): where the app's clock is off, its sessions end at the wrong time. Synchronise it (NTP).`,
    ),
  ]
}

/** Whether the session cookie has what it should have, as a browser sees it behind whatever stands before the app. */
export function cookieFindings(url: URL, { name, attributes }: SetCookie): readonly Finding[] {
  const findings: Finding[] = []
  const wrong = (code: string, message: string): void => void findings.push(finding('wrong', code, message))
  const isTls = url.protocol === 'https:'
  const isHere = /^(?:localhost|127\.|\[::1\])/.test(url.hostname)
  const isSecure = attributes.has('secure')
  if (!isSecure && (isTls || !isHere)) {
    wrong(
      'NOT_SECURE',
      `the cookie ${name} has no Secure, so a browser sends it over plain http too, where it can be read. Run the app with NODE_ENV=production, or with cookie: { secure: true }${isTls ? ', and let the balancer leave Set-Cookie as it is' : ', and serve it over https'}.`,
    )
  }
  if (isSecure && !isTls && !isHere) {
    findings.push(
      finding(
        'advice',
        'PLAIN_HTTP',
        `the cookie ${name} has Secure and ${url.origin} is plain http: browsers drop it here. Ask at the https address that visitors use.`,
      ),
    )
  }
  if (!attributes.has('httponly'))
    wrong(
      'NOT_HTTP_ONLY',
      `the cookie ${name} has no HttpOnly, so any script on a page can read it. The app sends it: let the balancer leave Set-Cookie as it is.`,
    )
  const sameSite = attributes.get('samesite')?.toLowerCase()
  if (sameSite === undefined)
    wrong(
      'NO_SAME_SITE',
      `the cookie ${name} has no SameSite. The app sends it: let the balancer leave Set-Cookie as it is.`,
    )
  if (sameSite === 'none')
    findings.push(
      finding(
        'advice',
        'SAME_SITE_NONE',
        `the cookie ${name} has SameSite=None, so it goes along with requests that other sites make. Unless the app is embedded there, take cookie.sameSite out.`,
      ),
    )
  const prefix = /^__(?:Host|Secure)-/.exec(name)?.[0]
  const [domain, path] = [attributes.get('domain'), attributes.get('path')]
  if (prefix === '__Host-' && (domain !== undefined || path !== '/' || !isSecure)) {
    wrong(
      'HOST_PREFIX',
      `the cookie ${name} has ${domain === undefined ? 'no Domain' : `Domain=${domain}`}, Path=${path ?? ''} and ${isSecure ? '' : 'no '}Secure: browsers drop a __Host- cookie unless it has no Domain, Path=/ and Secure. The app sends it so: let the balancer leave Set-Cookie as it is (proxy_cookie_domain, proxy_cookie_path).`,
    )
  }
  if (prefix === undefined && isTls && isSecure) {
    findings.push(
      finding(
        'advice',
        'NO_PREFIX',
        `the cookie is called ${name}: a neighbouring host can plant one of that name. Leave cookie.name out, and it is called __Host-sid, which no other host can set.`,
      ),
    )
  }
  return findings
}
