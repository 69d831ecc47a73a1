import type { Round } from './contestant.js'
import { median, medianRatio } from './statistics.js'

export interface Section<App extends string> {
  readonly title: string
  /** What each app is called, the one first in terms of which the others are told. */
  readonly names: Readonly<Record<App, string>>
  readonly measured: Readonly<Record<App, readonly Round[]>>
  /** Which app is told in terms of which other, and the most that ARCHITECTURE, section 7, allows, where it does. */
  readonly comparisons: readonly (readonly [App, App, budget?: number | undefined])[]
  /** Which app is told by how much faster it answers than which other, and the least that is asked of it, where it is. */
  readonly speeds?: readonly (readonly [App, App, atLeast?: number | undefined])[]
  /** What else is to be said of an app, at the end of its line. */
  readonly notes?: Readonly<Record<App, string>>
}

/** Some lines of plain text for one section. */
export function report<App extends string>({
  title,
  names,
  measured,
  comparisons,
  speeds = [],
  notes,
}: Section<App>): string {
  const apps = Object.keys(names) as App[]
  const [base] = apps as [App]
  const width = Math.max(...apps.map((app) => names[app].length)) + 1
  const costs = (app: App): number[] => measured[app].map(({ cpuMicroseconds }) => cpuMicroseconds)
  const ratio = (app: App, other: App): number => medianRatio(costs(app), costs(other))

  const rows = apps.map((app) => {
    const cpu = `${median(costs(app)).toFixed(1)} µs`.padStart(11)
    const perSecond = `${perSecondOf(measured[app])} req/s`.padStart(14)
    const p99 = `p99 ${median(measured[app].map(({ p99Ms }) => p99Ms)).toFixed(1)} ms`.padStart(13)
    const refused = measured[app].reduce((sum, round) => sum + round.refused, 0)
    const inTerms = `${ratio(app, base).toFixed(2)} × ${names[base]}${refused > 0 ? `, ${refused} × 503` : ''}`
    return `  ${names[app].padEnd(width)}${cpu}${perSecond}${p99}   ${inTerms}${notes ? `   ${notes[app]}` : ''}`
  })
  const lines = comparisons.map(
    ([app, other, budget]) => `  ${names[app]} is ${verdict(ratio(app, other), names[other], budget)}`,
  )
  const perSecond = (app: App): number[] => measured[app].map(({ requestsPerSecond }) => requestsPerSecond)
  const speedLines = speeds.map(([app, other, atLeast]) => {
    const speed = medianRatio(perSecond(app), perSecond(other))
    return `  ${names[app]} answers ${speedVerdict(speed, names[other], atLeast)}`
  })
  return [title, ...rows, ...lines, ...speedLines].join('\n')
}

const perSecondOf = (rounds: readonly Round[]): string =>
  Math.round(median(rounds.map(({ requestsPerSecond }) => requestsPerSecond))).toLocaleString('en')

function verdict(ratio: number, other: string, budget: number | undefined): string {
  const start = `${ratio.toFixed(2)} × ${other}`
  if (budget === undefined) return start
  const kept = ratio <= budget ? 'within' : `over by ${((ratio / budget - 1) * 100).toFixed(0)} %`
  return `${start}, budget ${budget}: ${kept}`
}

function speedVerdict(speed: number, other: string, atLeast: number | undefined): string {
  const start = `${speed.toFixed(2)} × the req/s of ${other}`
  if (atLeast === undefined) return start
  const kept = speed >= atLeast ? 'kept' : `missed by ${((1 - speed / atLeast) * 100).toFixed(0)} %`
  return `${start}, at least ${atLeast}: ${kept}`
}
