import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(root + path, 'utf8')

/** Snippets are compiled by `npm run types`; what a README shows is one of them, or it may not compile. */
const snippets = readdirSync(`${root}docs/snippets`).map((file) => read(`docs/snippets/${file}`).trim())

test.each([
  'README.md',
  'packages/koa/README.md',
  'packages/express/README.md',
  'packages/redis/README.md',
  'packages/peer/README.md',
])('the code in %s is code that compiles', (path) => {
  const shown = [...read(path).matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code.trim())
  expect(shown).not.toEqual([])
  for (const code of shown) expect(snippets).toContain(code)
})

test('every file that the README links to is there', () => {
  const links = [...read('README.md').matchAll(/\]\((?!https?:)([^)#]+)\)|src="([^"]+)"/g)]
  expect(links.length).toBeGreaterThan(8)
  for (const [, link, image] of links) expect(existsSync(`${root}${link ?? image}`), link ?? image).toBe(true)
})
