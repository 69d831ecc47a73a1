import type { Server } from './server.js'

/** The browser that drives the demo page. Without a font package Debian's Chromium draws no text. */
export const chromium: Server = {
  commands: ['chromium', 'chromium-browser', 'google-chrome'],
  debianPackages: ['chromium', 'fonts-dejavu-core'],
}

/** For a run as root without a display, and silent: nothing is fetched that the page does not ask for. */
export const chromiumFlags: readonly string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
