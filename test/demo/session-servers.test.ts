import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { chromiumFlags } from '../servers/chromium.js'
import { requireServer } from '../servers/require-server.js'
import { DemoPage, type Click } from './demo-page.js'
import { demoState, isAlive } from './demo-state.js'

const executablePath = await requireServer('chromium')
const hasServers = [await requireServer('redis-server'), await requireServer('memcached')].every(
  (path) => path !== undefined,
)
const apps = ['A', 'B', 'C']

let demo: Child
let url: string
let browser: Browser
let page: DemoPage
const complaints: string[] = []

describe.skipIf(executablePath === undefined || !hasServers)(
  'the page, with several session servers',
  { timeout: 90_000 },
  () => {
    beforeAll(async () => {
      demo = startNode('packages/cli/src/cli.ts', { args: ['demo', '--port', '0'], env: { REDIS_URL: undefined } })
      const flags = chromiumFlags.filter((flag) => flag !== '--headless')
      browser = await chromium.launch({ executablePath: executablePath ?? '', args: flags })
      url = (await demo.printed(/http:\/\/127\.0\.0\.1:\d+/, 60_000))[0]
    }, 120_000)
    afterAll(async () => {
      await browser?.close()
      await demo?.stop('SIGINT')
    })

    describe.each([
      ['Memcached, three servers', ['Memcached 1', 'Memcached 2', 'Memcached 3']],
      ['Redis with a standby', ['Redis 1', 'Redis 2']],
    ])('%s', (title, names) => {
      beforeEach(async () => {
        const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } })
        tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
        tab.on('pageerror', (error) => complaints.push(error.message))
        page = new DemoPage(tab)
        await page.open(url)
        await page.choose(title)
        return () => tab.close()
      })

      const pidOf = async (name: string): Promise<number> =>
        (await demoState(url)).sessionServers?.servers.find((server) => server.name === name)?.pid ?? 0
      const lost = async (): Promise<number> => Number(await page.text('#lost'))
      /** Every visitor, on every app server. */
      async function holds(): Promise<void> {
        const clicks = await page.send20()
        expect(results(clicks)).toEqual(['kept'])
        expect(answering(clicks)).toEqual(apps)
      }

      test.each(names)('%s may be killed, it comes back empty, and may freeze: every login holds', async (name) => {
        const before = await lost()
        const pid = await pidOf(name)
        await page.sessionServer(name, 'Kill', `${name} was killed (SIGKILL, process ${pid}).`)
        expect(isAlive(pid)).toBe(false)
        await holds()
        expect(await page.text('#explanation')).toMatch(new RegExp(`And that while ${name} is down\\.$`))
        await page.sessionServer(name, 'Restart', `${name} is back, with an empty memory.`)
        await holds()
        await page.sessionServer(name, 'Freeze', 'it is there, and answers nothing.')
        await holds()
        expect(await page.text('#explanation')).toMatch(new RegExp(`And that while ${name} is frozen\\.$`))
        await page.sessionServer(name, 'Thaw', `${name} goes on where it stopped`)
        await holds()
        expect(await lost()).toBe(before)
      })

      test('all of them frozen: 503, nobody is signed out, and all is well when they go on', async () => {
        const before = await lost()
        for (const name of names) await page.sessionServer(name, 'Freeze', `${name} is frozen`)
        expect(results(await page.send20())).toEqual(['failed'])
        expect(await page.text('#verdict')).toMatch(/ servers are away\.$/)
        for (const name of names) await page.sessionServer(name, 'Thaw', `${name} goes on where it stopped`)
        const kept = async () => results(await page.send20())
        await expect.poll(kept, { timeout: 20_000, interval: 100 }).toEqual(['kept'])
        expect(await lost()).toBe(before)
      })

      test('fits a telephone', async () => {
        await page.page.setViewportSize({ width: 400, height: 860 })
        expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(400)
      })
    })

    test('the running shop moves from the one to the other while the visitors click: nobody signs in again', async () => {
      const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      page = new DemoPage(tab)
      await page.open(url)
      await page.choose('Redis with a standby')
      const old = (await demoState(url)).sessionServers?.servers ?? []
      const { clicks, phases } = await page.moveTo('Memcached, three servers')
      expect(phases).toEqual(['off', 'shadow', 'switch', 'drain', 'done'])
      expect(results(clicks)).toEqual(['kept'])
      const figures = `Of ${clicks.length} page views meanwhile nobody got a 503, and no login was lost.`
      expect(await page.text('#move-line')).toMatch(new RegExp(`^Moved in \\d+ s\\. ${figures}$`))
      expect(await tab.getByRole('radio', { name: 'Memcached, three servers' }).isChecked()).toBe(true)
      await page.noticed('with the logins of before')
      expect(old.map(({ pid }) => isAlive(pid ?? 0))).toEqual([false, false])
      expect(results(await page.send20())).toEqual(['kept'])
      await tab.close()
    })

    test('and all the while the browser had nothing to complain about', () => {
      expect(complaints).toEqual([])
    })
  },
)

const results = (clicks: readonly Click[]): readonly string[] => [...new Set(clicks.map(({ result }) => result))]
const answering = (clicks: readonly Click[]): readonly string[] =>
  [...new Set(clicks.map(({ server }) => server))].sort()
