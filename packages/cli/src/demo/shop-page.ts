import { serverName } from './serve.js'

const { SESSION_STORE: store = '', SESSION_FAILOVER: failover } = process.env
const kind = store.startsWith('memcached:') ? 'Memcached' : 'Redis'
const place = store.startsWith('memory:') ? 'in its memory' : `from ${kind}`
const silence =
  failover !== undefined
    ? 'no answer from either Redis'
    : kind === 'Redis'
      ? 'no answer from Redis'
      : 'too few answers from Memcached'

/** The shop as a browser shows it. It says which server answered, and whether that server knows the customer. */
export function shopPage(customer: string | undefined): string {
  if (customer === undefined) return page('You are not signed in.', `Server ${serverName} knows no login of yours.`)
  return page(
    `Welcome, ${escaped(customer)}.`,
    `Server ${serverName} has your login ${place}. Reload the page and see who answers next.`,
  )
}

/** What a customer gets, with status 503, when the sessions cannot be reached. */
export const patiencePage = (): string =>
  page(
    'One moment, please.',
    `Server ${serverName} gets ${silence}, so it cannot know who you are. It says so at once, with status 503, and does not sign you out.`,
  )

const page = (headline: string, lead: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Larkspur Lamps</title>
    <link rel="icon" href="/demo/icon.svg" />
    <link rel="stylesheet" href="/demo/base.css" />
  </head>
  <body class="shop">
    <main>
      <p class="eyebrow">Larkspur Lamps · answered by server ${serverName}</p>
      <h1>${headline}</h1>
      <p class="lead">${lead}</p>
      <form class="buttons" method="post" action="/sign-in/Guest">
        <a class="button" href="/shop">Reload</a>
        <button class="button primary">Sign in</button>
      </form>
    </main>
  </body>
</html>
`

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
