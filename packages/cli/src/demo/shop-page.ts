/** The shop as a browser shows it. It says which server answered, and whether that server knows the customer. */
export function shopPage(server: string, customer: string | undefined): string {
  return `<!doctype html>
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
      <p class="eyebrow">Larkspur Lamps · answered by server ${server}</p>
      <h1>${customer === undefined ? 'You are not signed in.' : `Welcome, ${escaped(customer)}.`}</h1>
      <p class="lead">${
        customer === undefined
          ? `Server ${server} knows no login of yours.`
          : `Server ${server} has your login in its memory. Reload the page and see who answers next.`
      }</p>
      <form class="buttons" method="post" action="/sign-in/Guest">
        <a class="button" href="/shop">Reload</a>
        <button class="button primary">Sign in</button>
      </form>
    </main>
  </body>
</html>
`
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
