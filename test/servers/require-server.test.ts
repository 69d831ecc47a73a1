import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { requireServer, type Machine } from './require-server.js'

let folder: string
let said: string[]
let installed: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-servers-'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(() => {
  said = []
  installed = []
})

const machine = (given: Partial<Machine> & { readonly CI?: string }): Machine => ({
  env: { PATH: folder, CI: given.CI },
  isRoot: true,
  install: (packages) => {
    installed.push(...packages)
    return Promise.resolve()
  },
  say: (line) => said.push(line),
  ...given,
})

const putProgram = async (): Promise<string> => {
  const path = join(folder, 'chromium')
  await writeFile(path, '#!/bin/sh\n')
  await chmod(path, 0o755)
  return path
}

describe('a server that is not on this machine', () => {
  test('at home: says how to install it and lets its tests skip', async () => {
    expect(await requireServer('chromium', machine({}))).toBeUndefined()
    expect(said).toEqual([
      'SKIPPED: the tests that need chromium. To run them: sudo apt-get install -y --no-install-recommends chromium fonts-dejavu-core',
    ])
    expect(installed).toEqual([])
  })

  test('in CI: still missing after the installation is a failure, never a skip', async () => {
    await expect(requireServer('chromium', machine({ CI: 'true' }))).rejects.toThrow('chromium is still missing')
    expect(installed).toEqual(['chromium', 'fonts-dejavu-core'])
  })

  test('in CI without root: a failure that says what to install', async () => {
    await expect(requireServer('chromium', machine({ CI: 'true', isRoot: false }))).rejects.toThrow('apt-get install')
    expect(installed).toEqual([])
  })

  test('in CI as root: is installed and found', async () => {
    let path = ''
    const install = async (): Promise<void> => {
      path = await putProgram()
    }
    expect(await requireServer('chromium', machine({ CI: 'true', install }))).toBe(path)
    await rm(path)
  })
})

test('a server that is there is used, and nothing is installed or said', async () => {
  const path = await putProgram()
  expect(await requireServer('chromium', machine({ CI: 'true' }))).toBe(path)
  expect([...installed, ...said]).toEqual([])
})
