import { setTimeout as sleep } from 'node:timers/promises'
import { SECRET, startApps, type AppProcess, type AppReport, type AppSettings } from '../faults/fleet.js'
import { Load } from '../faults/load.js'
import { makeScratch } from '../servers/scratch.js'
import { heapReporting, heapsOf } from './heap.js'
import { keptOf, type Kept } from './kept.js'

const MINUTE_MS = 60_000
/** An app remembers so many cookies, so its heap grows until it has seen them. */
const REMEMBERED = 10_000
const SIGNING_IN = 32
/** Of so many minutes the first one is for warming up; a run of fewer has none that is long enough to tell. */
const WARM_UP_PART = 5

/** Servers, and what befalls them while apps are under load. */
export interface Scene {
  readonly apps: number
  readonly settings: Omit<AppSettings, 'secret'>
  /** Resolves when all is well again, within a minute or not. */
  minute(load: Load, minute: number): Promise<void>
  stop(): Promise<void>
}

export interface Soak {
  readonly requests: number
  readonly failed: Readonly<Record<string, number>>
  readonly worstWaitMs: number
  readonly loopDelayMs: number
  readonly rejections: number
  readonly kept: Kept
  /** Of each app, in percent, from the end of the warm-up to the end; `undefined` where the run was too short to tell. */
  readonly growth: readonly number[] | undefined
}

/** Runs apps under load for so many minutes, and at the end asks for all that they have acknowledged. */
export async function soak(
  startScene: () => Promise<Scene>,
  minutes: number,
  say: (line: string) => void,
): Promise<Soak> {
  const scratch = await makeScratch()
  Object.assign(process.env, heapReporting(scratch.path))
  const scene = await startScene()
  const maxStaleMs = scene.settings.nearCache?.maxStaleMs ?? 0
  let apps: AppProcess[] = []
  try {
    apps = await startApps(scene.apps, { secret: SECRET, ...scene.settings })
    await fillMemory(apps)
    const load = await Load.start({ apps, visitors: 100, workers: 8, maxStaleMs })
    const heaps = [await heapsOf(scratch.path)]
    say(`minute 0: ${heapLine(heaps[0])}`)
    for (let minute = 1; minute <= minutes; minute++) {
      const endsAt = performance.now() + MINUTE_MS
      await scene.minute(load, minute)
      await sleep(Math.max(0, endsAt - performance.now()))
      heaps.push(await heapsOf(scratch.path))
      say(`minute ${minute}: ${heapLine(heaps[minute])}, ${load.requests} requests, ${JSON.stringify(load.failed())}`)
    }
    await load.stop()
    await sleep(maxStaleMs)
    const reports = await Promise.all(apps.map((app) => app.report()))
    const { requests, worstWaitMs } = load
    const growth =
      minutes < WARM_UP_PART ? undefined : growthOf(heaps[Math.floor(minutes / WARM_UP_PART)], heaps.at(-1))
    return {
      requests,
      failed: load.failed(),
      worstWaitMs,
      ...countsOf(reports),
      kept: await keptOf(load.visitors, apps),
      growth,
    }
  } finally {
    await Promise.allSettled(apps.map((app) => app.stop()))
    await scene.stop()
    await scratch.remove()
  }
}

/** Signs in as many visitors as the apps remember, and shows each of them to every app. */
async function fillMemory(apps: readonly AppProcess[]): Promise<void> {
  let count = 0
  const signIn = async (): Promise<void> => {
    while (count++ < REMEMBERED) {
      const { cookie } = await (apps[count % apps.length] as AppProcess).get('/login?user=ada')
      for (const app of apps) await app.get('/show', cookie)
    }
  }
  await Promise.all(Array.from({ length: SIGNING_IN }, signIn))
}

const countsOf = (reports: readonly AppReport[]): Pick<Soak, 'rejections' | 'loopDelayMs'> => ({
  rejections: reports.reduce((sum, { rejections }) => sum + rejections, 0),
  loopDelayMs: Math.max(...reports.map(({ loopDelayMs }) => loopDelayMs)),
})

const growthOf = (before: readonly number[] = [], after: readonly number[] = []): readonly number[] =>
  before.map((bytes, i) => ((after[i] ?? NaN) / bytes - 1) * 100)

const heapLine = (heaps: readonly number[] = []): string =>
  `heaps ${heaps.map((bytes) => `${(bytes / 1e6).toFixed(2)} MB`).join(' and ')}`
