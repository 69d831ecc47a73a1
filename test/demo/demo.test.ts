import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { chromiumFlags } from '../servers/chromium.js'
import { requireServer } from '../servers/require-server.js'
import { DemoPage, type Click } from './demo-page.js'
import { demoState, isAlive } from './demo-state.js'

const executablePath = await requireServer('chromium')
const names = ['A', 'B', 'C']

let demo: Child
let url: string
let browser: Browser
let page: DemoPage
const complaints: string[] = []

describe.skipIf(executablePath === undefined)('the page of the demo', () => {
  beforeAll(async () => {
    demo = startNode('packages/cli/src/cli.ts', { args: ['demo', '--port', '0'] })
    const flags = chromiumFlags.filter((flag) => flag !== '--headless')
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: flags })
    url = (await demo.printed(/http:\/\/127\.0\.0\.1:\d+/))[0]
  })
  afterAll(async () => {
    await browser?.close()
    await demo?.stop('SIGINT')
  })

  beforeEach(async () => {
    const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    tab.on('pageerror', (error) => complaints.push(error.message))
    page = new DemoPage(tab)
    await page.open(url)
    return () => tab.close()
  })

  test('six visitors have signed in, on three processes that are alive', async () => {
    // On a busy machine one of them has clicked, and lost the login, before the page was paused.
    await page.signIn()
    expect(await page.text('#signed-in')).toBe('6 of 6')
    expect((await Promise.all(names.map((name) => page.visitorsOf(name)))).flat()).toHaveLength(6)
    for (const name of names) expect(isAlive((await page.server(name)).pid)).toBe(true)
  })

  test('under round-robin logins drop: each server knows only its own', async () => {
    const signIns = await page.choose('Round-robin')
    const [kept, lost] = [Number(await page.text('#kept')), Number(await page.text('#lost'))]
    const clicks = [...signIns, ...(await page.send20())]
    const first = names.indexOf(clicks[0]?.server ?? '')
    expect(spread(clicks)).toEqual(clicks.map((_, index) => names[(first + index) % 3]))
    expect(brokenPromises(clicks)).toEqual([])
    expect(count(clicks, 'lost')).toBeGreaterThan(0)
    expect(await page.text('#lost')).toBe(String(lost + count(clicks, 'lost')))
    expect(await page.text('#kept')).toBe(String(kept + count(clicks, 'kept')))
    expect(await page.text('#verdict')).toBe('Logins keep dropping.')
    await agreesWithTheServers()
  })

  test('sticky by cookie holds, until a server is killed: then exactly its visitors are signed out', async () => {
    await page.choose('Sticky by cookie')
    const calm = await page.send20()
    expect(new Set(calm.map(({ result }) => result))).toEqual(new Set(['kept']))
    expect(await page.text('#verdict')).toBe('Every login holds.')

    const victims = await page.visitorsOf('B')
    expect(victims).toHaveLength(2)
    const { pid } = await page.server('B')
    await page.kill('B')
    expect(isAlive(pid)).toBe(false)
    expect((await page.server('B')).what).toBe('Express · stopped')

    const storm = await page.send20()
    expect(losers(storm)).toEqual(victims)
    expect(count(storm, 'lost')).toBe(victims.length)
    expect(spread(storm)).not.toContain('B')
    expect(await page.text('#lost')).toBe('2')

    await page.restart('B')
    expect(isAlive((await page.server('B')).pid)).toBe(true)
    const after = await page.send20()
    expect(count(after, 'lost')).toBe(0)
    // Their cookies name the other servers now: the new process has nothing to do. That is the price of sticky.
    expect(spread(after)).not.toContain('B')
    expect((await page.server('B')).load).toBe('0 % of recent requests · 0 in all')
    await agreesWithTheServers()
  })

  test('everybody signs in anew: a restarted server gets visitors again', async () => {
    await page.choose('Sticky by cookie')
    await page.kill('C')
    await page.send20()
    await page.restart('C')
    expect(await page.visitorsOf('C')).toEqual([])
    await page.signIn()
    expect(await page.visitorsOf('C')).toHaveLength(2)
  })

  test('sticky by client IP holds with an uneven load, and a server that comes back costs its visitors a second login', async () => {
    await page.choose('Sticky by client IP')
    expect(count(await page.send20(), 'kept')).toBe(20)
    const visitors = await Promise.all(names.map((name) => page.visitorsOf(name)))
    expect(visitors.map((each) => each.length)).toEqual([1, 2, 3])

    await page.kill('C')
    expect(losers(await page.send20())).toEqual(visitors[2])
    await page.restart('C')
    expect(losers(await page.send20())).toEqual(visitors[2])
    expect(await page.visitorsOf('C')).toEqual(visitors[2])
    await agreesWithTheServers()
  })

  test('a switch back shows the score that the approach had', async () => {
    await page.choose('Sticky by cookie')
    await page.send20()
    const card = page.page.locator('.approach', { hasText: 'Sticky by cookie' }).locator('.result')
    const score = await card.innerText()
    expect(score).toMatch(/^\d+ lost, \d+ kept$/)
    await page.choose('Round-robin')
    await page.send20()
    expect(await card.innerText()).toBe(score)
  })

  test('a server that dies by itself is shown, with what it took along', async () => {
    await page.choose('Sticky by cookie')
    process.kill((await page.server('A')).pid, 'SIGABRT')
    await page.noticed('Server A stopped by itself (SIGABRT). Gone with it: the logins of Mia and Pia.')
    await page.restart('A')
  })

  test('the shop is closed when the last server is gone, and opens again', async () => {
    for (const name of names) await page.kill(name)
    const clicks = await page.send20()
    expect(count(clicks, 'failed')).toBe(20)
    expect(await page.text('#verdict')).toBe('The shop is closed.')
    await page.signIn()
    await page.noticed('0 of 6 visitors could sign in.')
    for (const name of names) await page.restart(name)
    await page.send20()
    expect(await page.text('#verdict')).not.toBe('The shop is closed.')
  })

  test('one can visit the shop oneself and is signed out by the next server, or not', async () => {
    const shop = await browser.newPage()
    const headlines = async (): Promise<readonly string[]> => {
      await shop.goto(`${url}/shop`)
      await shop.getByRole('button', { name: 'Sign in' }).click()
      const seen = []
      for (let visit = 0; visit < 3; visit++) {
        await shop.getByRole('link', { name: 'Reload' }).click()
        seen.push(await shop.locator('h1').innerText())
      }
      return seen
    }
    await page.choose('Round-robin')
    expect(await headlines()).toContain('You are not signed in.')
    await page.choose('Sticky by cookie')
    expect(await headlines()).toEqual(['Welcome, Guest.', 'Welcome, Guest.', 'Welcome, Guest.'])
    await shop.close()
  })

  test('runs by itself while it is watched', async () => {
    const last = (await page.clicks()).at(-1)?.id ?? 0
    await page.page.getByRole('button', { name: 'Resume' }).click()
    await page.page.locator(`.request[data-id="${last + 6}"]`).waitFor({ state: 'attached' })
    await page.page.getByRole('button', { name: 'Pause' }).click()
  })

  test('is usable with the keyboard, and fits a telephone', async () => {
    await page.page.getByRole('radio', { name: 'Round-robin' }).focus()
    await page.choose('Round-robin')
    await page.page.keyboard.press('ArrowDown')
    await page.noticed('Sticky by cookie from now on.')
    await page.page.setViewportSize({ width: 400, height: 860 })
    expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(400)
  })

  test('and all the while the browser had nothing to complain about', () => {
    expect(complaints).toEqual([])
  })
})

/** Each server says itself how many requests it has answered; the page must say the same. */
async function agreesWithTheServers(): Promise<void> {
  const { servers } = await demoState(url)
  for (const { name, port } of servers) {
    const health = await (await fetch(`http://127.0.0.1:${port}/health`)).json()
    expect({ server: name, answered: (await page.server(name)).answered }).toEqual(health)
  }
}

/** A login lives where its visitor signed in: it must be kept there, and lost everywhere else. Empty when that is so. */
function brokenPromises(clicks: readonly Click[]): readonly Click[] {
  const home = new Map<string, string>()
  return clicks.filter(({ visitor, server, result }) => {
    if (result === 'signed-in') home.set(visitor, server)
    return (home.get(visitor) === server) !== (result !== 'lost')
  })
}

const count = (clicks: readonly Click[], result: string): number =>
  clicks.filter((click) => click.result === result).length
const spread = (clicks: readonly Click[]): readonly string[] => clicks.map(({ server }) => server)

/** Who lost a login, as the cards of the servers say it. */
const losers = (clicks: readonly Click[]): readonly string[] =>
  clicks
    .filter(({ result }) => result === 'lost')
    .map(({ visitor }) => `${visitor} signed in`)
    .sort()
