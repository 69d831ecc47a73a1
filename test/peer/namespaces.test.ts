import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { startCommand } from '../process.js'

const { HOLDFAST_PARTITIONS: rounds = '1' } = process.env
const { status, error, stderr } = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' })
const isAllowed = status === 0
if (!isAllowed)
  console.warn(
    `SKIPPED: 1 test of network namespaces, which needs Linux, root, and ip of iproute2: ${error?.message ?? stderr}`,
  )

test.skipIf(!isAllowed)(
  'a node whose cable is pulled answers nothing old, says so of its health, and has all when it is back',
  async () => {
    for (let round = 0; round < Number(rounds); round++) {
      const args = ['--net', process.execPath, '--conditions=@holdfast/source', '--import', import.meta.resolve('tsx')]
      const child = startCommand('unshare', { args: [...args, 'test/peer/fixtures/partition.ts'] })
      const [said] = await child.printed(/\{"refused".*\}/, 60_000)
      const seen = JSON.parse(said) as { readonly refused: number }
      expect(seen).toEqual({
        refused: seen.refused,
        stale: 0,
        reason: 'peer: 10.77.0.3:7946: it hears no other node.',
        lacking: 0,
      })
      expect(seen.refused).toBeGreaterThan(0)
      await child.ended
    }
  },
  Number(rounds) * 90_000,
)
