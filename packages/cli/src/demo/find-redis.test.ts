import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findRedis, hostOf } from './find-redis.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-find-redis-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A `PATH` of one folder that has these programs. */
async function pathWith(...programs: readonly string[]): Promise<string> {
  const path = await mkdtemp(join(folder, 'bin-'))
  for (const program of programs) await writeFile(join(path, program), '#!/bin/sh\n', { mode: 0o755 })
  return path
}

test('takes the program in PATH, Redis before Valkey', async () => {
  const valkey = await pathWith('valkey-server')
  expect(findRedis({ PATH: valkey })).toEqual({ program: join(valkey, 'valkey-server') })
  const both = await pathWith('valkey-server', 'redis-server')
  expect(findRedis({ PATH: `${folder}:${valkey}:${both}` })).toEqual({ program: join(both, 'redis-server') })
  await chmod(join(both, 'redis-server'), 0o644)
  expect(findRedis({ PATH: both })).toEqual({ program: join(both, 'valkey-server') })
})

test('without one it names the command that brings it, for the installer that is here', async () => {
  const line = 'All servers keep their logins in one Redis. Install it, and start the demo again:'
  expect(findRedis({ PATH: await pathWith('apt-get'), REDIS_URL: '' })).toEqual({
    line,
    command: 'sudo apt install redis-server',
  })
  expect(findRedis({ PATH: await pathWith('brew') })).toEqual({ line, command: 'brew install redis' })
  expect(findRedis({})).toEqual({
    line: 'All servers keep their logins in one Redis. Set REDIS_URL to yours, and start the demo again.',
    command: undefined,
  })
})

test('REDIS_URL comes first; its keys get a prefix of the demo, unless it has one', async () => {
  const PATH = await pathWith('redis-server')
  const urlOf = (REDIS_URL: string): string => (findRedis({ PATH, REDIS_URL }) as { url: string }).url
  expect(urlOf('redis://db')).toBe('redis://db?prefix=holdfast-demo:')
  expect(urlOf('rediss://db/2?deadline=100')).toBe('rediss://db/2?deadline=100&prefix=holdfast-demo:')
  expect(urlOf('redis+sentinel://a,b:1/main?prefix=mine:')).toBe('redis+sentinel://a,b:1/main?prefix=mine:')
})

test('a REDIS_URL that is none is said to be wrong, and not shown: it may hold a password', () => {
  for (const REDIS_URL of ['user:hunter2@db:6379', 'http://hunter2@db']) {
    expect(findRedis({ REDIS_URL })).toEqual({
      line: 'REDIS_URL does not begin with redis:// or rediss://. Correct it, or unset it, and start the demo again.',
      command: undefined,
    })
  }
})

test('the page shows host and port, never a password', () => {
  expect(hostOf('redis://127.0.0.1:6379/2')).toBe('127.0.0.1:6379')
  expect(hostOf('rediss://user:hunter2@db.example:6380?prefix=a:')).toBe('db.example:6380')
  expect(hostOf('redis://:hunt/er@2@db')).toBe('db')
  expect(hostOf('redis+cluster://a:1,b:2')).toBe('a:1,b:2')
})
