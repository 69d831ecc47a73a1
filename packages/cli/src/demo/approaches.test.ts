import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { approachesFor } from './approaches.js'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdfast-approaches-'))
})
afterEach(() => rm(home, { recursive: true }))

const put = async (path: string): Promise<void> => {
  await mkdir(dirname(join(home, path)), { recursive: true })
  await writeFile(join(home, path), '', { mode: 0o755 })
}
const grid = (url = ''): unknown =>
  approachesFor({ HOME: home, PATH: join(home, 'bin'), HAZELCAST_URL: url }).find(({ id }) => id === 'hazelcast')

test('the first one, which the demo begins with, needs nothing but Node', () => {
  expect(approachesFor({})[0]).toMatchObject({ id: 'peer', title: 'Between the app servers', store: { kind: 'Peer' } })
})

test('the data grid needs Java and the jar where Maven keeps it', async () => {
  expect(grid()).toBeUndefined()
  await put('bin/java')
  expect(grid()).toBeUndefined()
  const jar = '.m2/repository/com/hazelcast/hazelcast/5.6.0/hazelcast-5.6.0.jar'
  await put(jar)
  const store = { kind: 'Hazelcast', program: join(home, 'bin/java'), jar: join(home, jar), spare: 1 }
  expect(grid()).toMatchObject({ title: 'Data grid (Hazelcast)', store })
})

test('or a cluster that is there already; another URL is said to be wrong, and not shown', () => {
  const url = 'hazelcast://10.0.0.5/sessions?cluster=prod'
  expect(grid(url)).toMatchObject({ store: { kind: 'Hazelcast', url } })
  expect(grid('http://secret@10.0.0.5')).toEqual({
    id: 'hazelcast',
    title: 'Data grid (Hazelcast)',
    line: 'HAZELCAST_URL does not begin with hazelcast://. Correct it, or unset it, and start the demo again.',
    command: undefined,
  })
})
