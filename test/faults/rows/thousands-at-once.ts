import { until } from '../../servers/until.js'
import type { AppProcess } from '../fleet.js'
import { inspectedRow, type Inspection, type Login } from '../inspection.js'

const APPS = 4
/** One in a hundred may need more attempts than these. */
const ATTEMPTS = 5

export const thousandsAtOnce = inspectedRow({
  number: '22',
  title: 'thousands of concurrent requests on one session, from 4 app servers',
  expected: 'none fails, all changes are there; of 100 commits 99 take at most 5 attempts',
  needs: { direct: true },
  inspect: (inspection, { target, withApps }, { atOnce }) =>
    withApps(
      APPS,
      { maxBytes: 1024 * 1024 },
      async (apps) => {
        const each = Math.ceil(atOnce / apps.length)
        const count = each * apps.length
        const login = await inspection.logIn(apps[0])
        const latencies = await changeAtOnce(inspection, apps, login, each)
        const fields = Array.from({ length: count }, (_, i) => `f${i}`)
        const seen = JSON.parse((await inspection.ask('/show', login.cookie, apps[0])).body) as object
        const missing = fields.filter((field) => !(field in seen)).length
        inspection.check(`all changes are there, without ${missing}`, missing === 0)
        await until('all changes are in the servers once they were read', async () => {
          await inspection.ask('/show', login.cookie, apps[0])
          const held = Object(await target.stored(login.id)) as object
          return fields.every((field) => field in held)
        })
        const late = (await conflictsOf(apps))[ATTEMPTS] ?? 0
        inspection.check(`${late} of ${count} commits took more than ${ATTEMPTS} attempts`, late <= count / 100)
        const p99 = Math.round(latencies[Math.floor(count * 0.99)] as number)
        inspection.note = `${count.toLocaleString('en')} requests; p99 ${p99} ms from when all were open`
      },
      { connections: atOnce, hungMs: 90_000 },
    ),
})

/** Opens all requests, and lets them commit together when each has read the session, or one is refused. Their ms from then, in order. */
async function changeAtOnce(
  inspection: Inspection,
  apps: readonly AppProcess[],
  login: Login,
  each: number,
): Promise<number[]> {
  let openedAt = 0
  let isRefused = false
  const requests = apps.flatMap((app, i) =>
    Array.from({ length: each }, async (_, k) => {
      const path = `/add?field=f${i * each + k}&wait=gate`
      const { status } = await inspection.ask(path, login.cookie, app)
      isRefused ||= openedAt === 0
      return { status, ms: performance.now() - openedAt }
    }),
  )
  const reports = () => Promise.all(apps.map((app) => app.report()))
  const isOpen = async (): Promise<boolean> => isRefused || (await reports()).every(({ waiting }) => waiting === each)
  await until('all requests are open', isOpen, 60_000)
  openedAt = performance.now()
  await Promise.all(apps.map((app) => app.get('/open-gate')))
  const answers = await Promise.all(requests)
  const failed = answers.filter(({ status }) => status !== 200)
  inspection.check(`none fails, but ${failed.length} do: ${failed[0]?.status}`, failed.length === 0)
  return answers.map(({ ms }) => ms).sort((a, b) => a - b)
}

/** How many commits met others' writes for the first, second, … time, in all apps. */
async function conflictsOf(apps: readonly AppProcess[]): Promise<number[]> {
  const reports = await Promise.all(apps.map((app) => app.report()))
  const sum: number[] = []
  for (const { conflicts } of reports) conflicts.forEach((count, i) => (sum[i] = (sum[i] ?? 0) + count))
  return sum
}
