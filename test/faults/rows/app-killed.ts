import type { AppProcess } from '../fleet.js'
import { loadRow } from '../load-row.js'

export const appKilled = loadRow({
  number: '12',
  title: 'kill -9 an app server',
  expected: 'nothing is lost; only the requests that were under way in it fail',
  strike: async (_, run, { apps }) => {
    const app = apps[1] as AppProcess
    await app.kill()
    await run.hold()
    run.over()
    await app.restart()
  },
  cost: { failures: ['cut'] },
})
