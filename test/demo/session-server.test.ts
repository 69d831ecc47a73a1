import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { chromiumFlags } from '../servers/chromium.js'
import { requireServer } from '../servers/require-server.js'
import { DemoPage, type Click } from './demo-page.js'
import { demoState, isAlive } from './demo-state.js'

const executablePath = await requireServer('chromium')
const redisServer = await requireServer('redis-server')
const names = ['A', 'B', 'C']
const TITLE = 'Session server (Redis)'

let demo: Child
let url: string
let browser: Browser
let page: DemoPage
const complaints: string[] = []

const missing = executablePath === undefined || redisServer === undefined

/** Its tests wait for breakers and for new connections; a busy machine takes its time. */
describe.skipIf(missing)('the page, with a session server', { timeout: 90_000 }, () => {
  beforeAll(async () => {
    demo = startNode('packages/cli/src/cli.ts', { args: ['demo', '--port', '0'], env: { REDIS_URL: undefined } })
    const flags = chromiumFlags.filter((flag) => flag !== '--headless')
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: flags })
    url = (await demo.printed(/http:\/\/127\.0\.0\.1:\d+/))[0]
    await fetch(`${url}/demo/choose/redis`, { method: 'POST' })
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
    await page.choose(TITLE)
    return () => tab.close()
  })

  const lost = async (): Promise<number> => Number(await page.text('#lost'))
  const redisPid = async (): Promise<number> => (await demoState(url)).sessionServers?.servers[0]?.pid ?? 0

  test('every login holds on every server, also when one of them is killed and comes back', async () => {
    const before = await lost()
    const calm = await page.send20()
    expect(results(calm)).toEqual(['kept'])
    expect(servers(calm)).toEqual(names)
    expect(await page.text('.session-server .what')).toBe(`process ${await redisPid()}`)

    await page.kill('B')
    await page.noticed('Nobody had a login there: Redis keeps them.')
    const storm = await page.send20()
    expect(results(storm)).toEqual(['kept'])
    expect(servers(storm)).toEqual(['A', 'C'])

    await page.restart('B')
    await page.noticed('Server B is back, and asks Redis for the logins.')
    const after = await page.send20()
    expect(results(after)).toEqual(['kept'])
    expect(servers(after)).toEqual(names)
    expect(await lost()).toBe(before)
  })

  test('while Redis is frozen visitors get a 503, and nobody has lost a login when it goes on', async () => {
    const before = await lost()
    await page.sessionServer('Redis', 'Freeze', 'it is there, and answers nothing.')
    const frozen = await page.send20()
    expect(results(frozen)).toEqual(['failed'])
    expect(servers(frozen)).toEqual(names)
    expect(await page.text('#verdict')).toBe('Redis is frozen.')
    expect(await page.text('#explanation')).toMatch(/No login is lost for it\. The last 503 came after \d+ ms\.$/)
    expect(await page.text('#signed-in')).toBe('0 of 6')
    expect(new Set(await visitors())).toEqual(new Set(['got a 503']))

    await page.sessionServer('Redis', 'Thaw', 'Redis goes on where it stopped')
    await holdsAgain()
    expect(await lost()).toBe(before)
    expect(await page.text('#signed-in')).toBe('6 of 6')
  })

  test('a Redis that is killed takes all logins along: 503 while it is away, signed out once when it is back', async () => {
    const before = await lost()
    const pid = await redisPid()
    await page.sessionServer('Redis', 'Kill', `Redis was killed (SIGKILL, process ${pid}).`)
    expect(isAlive(pid)).toBe(false)
    expect(results(await page.send20())).toEqual(['failed'])
    expect(await page.text('#verdict')).toBe('Redis is down.')
    expect(await page.text('.session-server .what')).toBe('stopped')
    expect(await lost()).toBe(before)

    await page.sessionServer('Redis', 'Restart', 'Redis is back, with an empty memory')
    await holdsAgain()
    expect(await lost()).toBe(before + 6)
    expect(await page.text('#signed-in')).toBe('6 of 6')
  })

  test('a Redis that dies by itself is shown, and an app server may start while it is away', async () => {
    process.kill(await redisPid(), 'SIGKILL')
    await page.noticed('Redis stopped by itself.')
    await page.kill('A')
    await page.restart('A')
    expect(results(await page.send20())).toEqual(['failed'])
    await page.sessionServer('Redis', 'Restart', 'Redis is back, with an empty memory')
    await holdsAgain()
  })

  test('the shop tells its customer what is the matter, on each of its servers', async () => {
    await page.sessionServer('Redis', 'Freeze', 'it is there, and answers nothing.')
    const { servers: running } = await demoState(url)
    for (const { name, port } of running) {
      const response = await fetch(`http://127.0.0.1:${port}/sign-in/Guest`, { method: 'POST', redirect: 'manual' })
      expect([response.status, response.headers.get('retry-after')], name).toEqual([503, '1'])
      expect(response.headers.get('content-type'), name).toMatch(/^text\/html/)
      expect(await response.text(), name).toContain(`Server ${name} gets no answer from Redis`)
    }
    await page.sessionServer('Redis', 'Thaw', 'Redis goes on where it stopped')
    await holdsAgain()
  })

  test('a customer who was signed in reads the same, and is still signed in afterwards', async () => {
    const shop = await browser.newPage()
    await shop.goto(`${url}/shop`)
    await shop.getByRole('button', { name: 'Sign in' }).click()
    for (const _ of names) {
      await shop.getByRole('link', { name: 'Reload' }).click()
      expect(await shop.locator('h1').innerText()).toBe('Welcome, Guest.')
    }
    await page.sessionServer('Redis', 'Freeze', 'it is there, and answers nothing.')
    for (const _ of names) {
      const response = await shop.goto(`${url}/shop`)
      expect([response?.status(), await shop.locator('h1').innerText()]).toEqual([503, 'One moment, please.'])
    }
    await page.sessionServer('Redis', 'Thaw', 'Redis goes on where it stopped')
    await holdsAgain()
    await shop.goto(`${url}/shop`)
    expect(await shop.locator('h1').innerText()).toBe('Welcome, Guest.')
    await shop.close()
  })

  test('fits a telephone', async () => {
    await page.page.setViewportSize({ width: 400, height: 860 })
    expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(400)
  })

  test('another approach ends Redis, also a frozen one', async () => {
    const pid = await redisPid()
    await page.sessionServer('Redis', 'Freeze', 'it is there, and answers nothing.')
    await page.choose('Sticky by cookie')
    expect(isAlive(pid)).toBe(false)
    expect(await page.page.locator('#session-servers').isVisible()).toBe(false)
    expect((await demoState(url)).sessionServers).toBeUndefined()
  })

  test('and all the while the browser had nothing to complain about', () => {
    expect(complaints).toEqual([])
  })

  const visitors = async (): Promise<readonly string[]> => {
    const texts = (await Promise.all(names.map((name) => page.visitorsOf(name)))).flat()
    return texts.map((text) => text.replace(/^\w+ /, ''))
  }

  /** The servers find Redis again by themselves: sooner or later 20 requests in a row find their visitor signed in. */
  async function holdsAgain(): Promise<void> {
    await expect.poll(async () => results(await page.send20()), { timeout: 20_000, interval: 100 }).toEqual(['kept'])
  }
})

const results = (clicks: readonly Click[]): readonly string[] => [...new Set(clicks.map(({ result }) => result))]
const servers = (clicks: readonly Click[]): readonly string[] => [...new Set(clicks.map(({ server }) => server))].sort()
