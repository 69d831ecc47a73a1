import { chromium, type Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startNode, type Child } from '../process.js'
import { chromiumFlags } from '../servers/chromium.js'
import { requireHazelcast } from '../servers/hazelcast-program.js'
import { requireServer } from '../servers/require-server.js'
import { DemoPage } from './demo-page.js'
import { demoState, isAlive } from './demo-state.js'

const executablePath = await requireServer('chromium')
const program = await requireHazelcast()

let demo: Child
let url: string
let browser: Browser
let page: DemoPage
const complaints: string[] = []

describe.skipIf(executablePath === undefined || program === undefined)('the page, with a data grid', () => {
  beforeAll(async () => {
    demo = startNode('packages/cli/src/cli.ts', { args: ['demo', '--port', '0'], env: { HAZELCAST_URL: undefined } })
    const flags = chromiumFlags.filter((flag) => flag !== '--headless')
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: flags })
    url = (await demo.printed(/http:\/\/127\.0\.0\.1:\d+/, 60_000))[0]
    const tab = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    tab.on('pageerror', (error) => complaints.push(error.message))
    tab.setDefaultTimeout(60_000)
    page = new DemoPage(tab)
    await page.open(url)
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await demo?.stop('SIGINT')
  })

  /** Every visitor, on every app server; who has just lost a member may be refused for some seconds. */
  async function holdsAgain(): Promise<void> {
    const answers = async () => {
      const clicks = await page.send20()
      return [...new Set(clicks.map(({ result, server }) => `${result} by ${server}`))].sort()
    }
    await expect.poll(answers, { timeout: 40_000, interval: 50 }).toEqual(['kept by A', 'kept by B', 'kept by C'])
    expect(await page.text('#lost')).toBe('0')
  }

  test(
    'any member may be killed or freeze: no login is lost, and all are served again',
    { timeout: 150_000 },
    async () => {
      await page.choose('Data grid (Hazelcast)')
      const { servers = [] } = (await demoState(url)).sessionServers ?? {}
      expect(servers.map(({ name }) => name)).toEqual(['Hazelcast 1', 'Hazelcast 2', 'Hazelcast 3'])
      const pid = servers[1]?.pid ?? 0

      await page.sessionServer('Hazelcast 2', 'Kill', `Hazelcast 2 was killed (SIGKILL, process ${pid}).`)
      expect(isAlive(pid)).toBe(false)
      await holdsAgain()
      expect(await page.text('#explanation')).toMatch(/And that while Hazelcast 2 is down\.$/)
      await page.sessionServer('Hazelcast 2', 'Restart', 'Hazelcast 2 is back, and takes its share of the logins')
      await holdsAgain()

      await page.sessionServer('Hazelcast 1', 'Freeze', 'it is there, and answers nothing.')
      await holdsAgain()
      expect(await page.text('#explanation')).toMatch(/And that while Hazelcast 1 is frozen\.$/)
      await page.sessionServer('Hazelcast 1', 'Thaw', 'Hazelcast 1 goes on where it stopped.')
      await holdsAgain()
    },
  )

  test('fits a telephone, and the browser had nothing to complain about', async () => {
    await page.page.setViewportSize({ width: 400, height: 860 })
    expect(await page.page.evaluate('document.documentElement.scrollWidth')).toBe(400)
    expect(complaints).toEqual([])
  })
})
