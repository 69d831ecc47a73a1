import type { Page } from 'playwright-core'
import { expect } from 'vitest'

/** One dot of the strip: who clicked, which server answered, and what became of the login. */
export interface Click {
  readonly id: number
  readonly visitor: string
  readonly server: string
  readonly result: string
}

/** The page as its reader sees and uses it: what it says, and what its buttons do. Clicks come only on demand. */
export class DemoPage {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  /** Opens the page with its traffic paused. */
  async open(url: string): Promise<void> {
    await this.page.goto(url)
    await this.page.locator('.server').nth(2).waitFor()
    const pause = this.page.getByRole('button', { name: 'Pause' })
    if (await pause.isVisible()) await pause.click()
    await this.page.getByRole('button', { name: 'Resume' }).waitFor()
  }

  text(selector: string): Promise<string> {
    return this.page.locator(selector).innerText()
  }

  /** Chooses an approach; everybody signs in anew then, also when it is the one in use. Gives the clicks of that. */
  async choose(title: string): Promise<readonly Click[]> {
    const radio = this.page.getByRole('radio', { name: title })
    if (await radio.isChecked()) return await this.signIn()
    const clicks = await this.#after(6, () => radio.check())
    await this.noticed(`${title} from now on. All six visitors have just signed in.`)
    return clicks
  }

  /**
   * Moves the running shop to another approach and presses "Send 20 requests" whenever that is what it waits for; gives the
   * clicks, and the phases as the page showed them.
   */
  async moveTo(title: string): Promise<{ readonly clicks: readonly Click[]; readonly phases: readonly string[] }> {
    const clicks: Click[] = []
    await this.page.evaluate(`globalThis.phases = []
      new MutationObserver(() => {
        const now = document.querySelector('#phases [aria-current]')?.textContent
        if (now && now !== phases.at(-1)) phases.push(now)
      }).observe(document.querySelector('#phases'), { subtree: true, childList: true, attributes: true })`)
    await this.page.getByRole('button', { name: `Move live to ${title}` }).click()
    await this.noticed('while everybody clicks.')
    const next = this.page.locator('#move-line', { hasText: /It goes on when all six visitors have clicked|^Moved in/ })
    for (;;) {
      await next.waitFor()
      if ((await next.innerText()).startsWith('Moved in')) break
      clicks.push(...(await this.send20()))
    }
    return { clicks, phases: await this.page.evaluate<readonly string[]>('phases') }
  }

  signIn(): Promise<readonly Click[]> {
    return this.#after(6, () => this.page.getByRole('button', { name: 'Sign everybody in again' }).click())
  }

  /** Presses "Send 20 requests" and gives the 20 clicks as the page shows them. */
  send20(): Promise<readonly Click[]> {
    return this.#after(20, () => this.page.getByRole('button', { name: 'Send 20 requests' }).click())
  }

  async kill(server: string): Promise<void> {
    await this.page.getByRole('button', { name: `Kill server ${server}` }).click()
    await this.noticed(`Server ${server} was killed`)
  }

  /** Presses a button of a session server and waits until the page says what came of it. */
  async sessionServer(name: string, action: 'Freeze' | 'Thaw' | 'Kill' | 'Restart', notice: string): Promise<void> {
    await this.page.getByRole('button', { name: `${action} ${name}`, exact: true }).click()
    await this.noticed(notice)
  }

  async restart(server: string): Promise<void> {
    await this.page.getByRole('button', { name: `Restart server ${server}` }).click()
    await this.noticed(`Server ${server} is back`)
  }

  async noticed(words: string): Promise<void> {
    await this.page.locator('#notice', { hasText: words }).waitFor()
  }

  /** All the clicks that the page still shows, oldest first. */
  clicks(): Promise<readonly Click[]> {
    return this.page.evaluate<readonly Click[]>(`[...document.querySelectorAll('.request')].map((dot) => ({
      id: Number(dot.dataset.id),
      visitor: dot.querySelector('.said').textContent.split(',', 1)[0],
      server: dot.dataset.server,
      result: dot.dataset.result,
    }))`)
  }

  /** The names on the card of a server, with what they are: `Mia signed in`. */
  async visitorsOf(server: string): Promise<readonly string[]> {
    const names = await this.#card(server).locator('.visitor').allInnerTexts()
    return names.map((text) => text.split('\n').at(-2) + ' ' + text.split('\n').at(-1)).sort()
  }

  /** What the card of a server says of it. */
  async server(name: string): Promise<{ what: string; load: string; pid: number; answered: number }> {
    const what = await this.#card(name).locator('.what').innerText()
    const load = await this.#card(name).locator('.load p').innerText()
    return {
      what,
      load,
      pid: Number(/process (\d+)/.exec(what)?.[1]),
      answered: Number(/(\d+) in all/.exec(load)?.[1]),
    }
  }

  async #after(clicks: number, press: () => Promise<void>): Promise<readonly Click[]> {
    const last = (await this.clicks()).at(-1)?.id ?? 0
    await press()
    await this.page.locator(`.request[data-id="${last + clicks}"]`).waitFor({ state: 'attached' })
    const seen = (await this.clicks()).filter(({ id }) => id > last)
    expect(seen).toHaveLength(clicks)
    return seen
  }

  #card(server: string): ReturnType<Page['locator']> {
    return this.page.locator('.server', { hasText: `Server ${server}` })
  }
}
