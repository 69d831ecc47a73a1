import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { chromiumFlags } from '../servers/chromium.js'
import { requireServer } from '../servers/require-server.js'
import { until } from '../servers/until.js'
import { DemoPage, type Click } from './demo-page.js'
import { demoState, isAlive } from './demo-state.js'

const executablePath = await requireServer('chromium')
const title = 'Between the app servers'
const names = ['A', 'B', 'C']

let demo: Child
let url: string
let browser: Browser
let page: DemoPage
const complaints: string[] = []

describe.skipIf(executablePath === undefined)('the page, between the app servers', { timeout: 90_000 }, () => {
  beforeAll(async () => {
    demo = startNode('packages/cli/src/cli.ts', { args: ['demo', '--port', '0'] })
    const flags = chromiumFlags.filter((flag) => flag !== '--headless')
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: flags })
    url = (await demo.printed(/http:\/\/127\.0\.0\.1:\d+/, 60_000))[0]
  }, 120_000)
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

  const lost = async (): Promise<number> => Number(await page.text('#lost'))
  /** Every visitor, on every app server that runs. */
  async function holds(running: readonly string[]): Promise<void> {
    const clicks = await page.send20()
    expect(results(clicks)).toEqual(['kept'])
    expect(answering(clicks)).toEqual(running)
  }

  test('is what the demo begins with, and tells where a login is, but not the secret', async () => {
    expect(await page.page.getByRole('radio', { name: title }).isChecked()).toBe(true)
    await holds(names)
    expect(await page.text('#session-servers')).toMatch(
      /its primary and its backup\.[^]*SESSION_STORE=peer:\/\/[\d.:]+\?peers=[\d.:]+,[\d.:]+[^]*HOLDFAST_PEER_SECRET=…$/,
    )
  })

  test.each(['B'])('server %s is killed while the visitors click: everybody stays signed in', async (name) => {
    const others = names.filter((each) => each !== name)
    const { pid } = await page.server(name)
    const before = (await page.clicks()).at(-1)?.id ?? 0
    await page.page.getByRole('button', { name: 'Resume' }).click()
    await page.page.locator(`.request[data-id="${before + 3}"]`).waitFor({ state: 'attached' })
    await page.kill(name)
    expect(isAlive(pid)).toBe(false)
    expect(await page.text('#notice')).toMatch(`${others.join(' or ')} has the other copy of each of its logins.`)
    await page.page.locator(`.request[data-id="${before + 10}"]`).waitFor({ state: 'attached' })
    await page.page.getByRole('button', { name: 'Pause' }).click()
    const meanwhile = (await page.clicks()).filter(({ id }) => id > before)
    expect(results(meanwhile)).toEqual(['kept'])
    await holds(others)
    expect(await page.text('#explanation')).toMatch(new RegExp(`And that without server ${name}\\.$`))

    await page.restart(name)
    await holds(names)
    expect(await page.text('#verdict')).toBe('Every login holds.')
    expect(await lost()).toBe(0)
  })

  test('two are killed at once: who had a login there only waits, and is told honestly', async () => {
    await page.signIn()
    await Promise.all(['A', 'B'].map((name) => fetch(`${url}/demo/kill/${name}`, { method: 'POST' })))
    await page.noticed('C is left: gone are the logins of ')
    await until('the one that is left serves alone', async () => results(await page.send20()).includes('kept'))
    const storm = await page.send20()
    expect(answering(storm)).toEqual(['C'])
    expect(results(storm)).not.toContain('lost')
    // They click in a random order: what came last for each of them.
    const latest = new Map(storm.map(({ visitor, result }) => [visitor, result]))
    const waiting = [...latest].flatMap(([visitor, result]) => (result === 'failed' ? [visitor] : []))
    if (waiting.length > 0) expect(await page.text('#verdict')).toMatch(/\d logins? out of reach\.$/)

    await page.restart('A')
    await page.restart('B')
    const after = await page.send20()
    expect(results(after)).not.toContain('failed')
    expect(waiting).toEqual(expect.arrayContaining([...new Set(losers(after))]))
    expect(await lost()).toBe(losers(after).length)
    await holds(names)
  })

  test('all are killed: the shop is closed, and opens again with nobody signed in', async () => {
    for (const name of names) await page.kill(name)
    expect(await page.text('#notice')).toMatch(/It was the last one: all logins are gone\.$/)
    expect(await page.text('#verdict')).toBe('The shop is closed.')
    for (const name of names) await page.restart(name)
    await page.signIn()
    await page.noticed('All six visitors have just signed in.')
    await holds(names)
  })

  test('another approach and back: the score stays, and the servers find each other again', async () => {
    await page.choose('Round-robin')
    await page.send20()
    expect(await page.page.locator('#session-servers').isHidden()).toBe(true)
    await page.choose(title)
    await holds(names)
    const { servers } = await demoState(url)
    for (const { port } of servers) expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
  })

  test('fits a telephone', async () => {
    await page.page.setViewportSize({ width: 390, height: 860 })
    expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(390)
  })

  test('and all the while the browser had nothing to complain about', () => {
    expect(complaints).toEqual([])
  })
})

const results = (clicks: readonly Click[]): readonly string[] => [...new Set(clicks.map(({ result }) => result))]
const answering = (clicks: readonly Click[]): readonly string[] =>
  [...new Set(clicks.flatMap(({ server }) => server || []))].sort()
const losers = (clicks: readonly Click[]): readonly string[] =>
  clicks.flatMap(({ visitor, result }) => (result === 'lost' ? [visitor] : [])).sort()
