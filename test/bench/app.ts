import type { RequestListener } from 'node:http'
import { readFileSync } from 'node:fs'

/**
 * One of the apps that are compared. All answer alike: `/login` puts the fixture into a session, `/read` answers with one
 * field of it, `/write` counts a visit in it. Apps that keep sessions in memory do not look at `urls`, those of the servers.
 */
export type App = (fixture: Fixture, ...urls: readonly string[]) => RequestListener

export interface Fixture {
  readonly title: string
  readonly data: Data
}

export interface Data {
  readonly userId: string
  visits?: number
}

const load = (file: string): Data =>
  JSON.parse(readFileSync(new URL(`fixtures/${file}`, import.meta.url), 'utf8')) as Data

export const fixtures = {
  '200B': { title: '200 B', data: load('200-bytes.json') },
  '4KB': { title: '4 KB, 40 nested items', data: load('4-kilobytes.json') },
} satisfies Record<string, Fixture>

export const SECRET = 'a secret for the bench, 32 bytes or more'

export const NEAR_CACHE = { maxStaleMs: 500 }
