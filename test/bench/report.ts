import type { Round } from './contestant.js'
import { median, medianRatio } from './statistics.js'

export interface Section<App extends string> {
  readonly title: string
  /** What each app is called, the one first in terms of which the others are told. */
  readonly names: Readonly<Record<App, string>>
  readonly measured: Readonly<Record<App, readonly Round[]>>
  /** Which app is told in terms of which other, and the most that ARCHITECTURE, section 7, allows, where it does. */
  readonly comparisons: readonly (readonly [App, App, budget?: number | undefined])[]
  /** What else is to be said of an app, at the end of its line. */
  readonly notes?: Readonly<Record<App, string>>
}

/** Some lines of plain text for one section. */
export function report<App extends string>({ title, names, measured, comparisons, notes }: Section<App>): string {
  const apps = Object.keys(names) as App[]
  const [base] = apps as [App]
  const width = Math.max(...apps.map((app) => names[app].length)) + 1
  const costs = (app: App): number[] => measured[app].map(({ cpuMicroseconds }) => cpuMicroseconds)
  const ratio = (app: App, other: App): number => medianRatio(costs(app), costs(other))

  const rows = apps.map((app) => {
    const cpu = `${median(costs(app)).toFixed(1)} µs`.padStart(11)
    const perSecond = `${perSecondOf(measured[app])} req/s`.padStart(14)
    const inTerms = `${ratio(app, base).toFixed(2)} × ${names[base]}`
    return `  ${names[app].padEnd(width)}${cpu}${perSecond}   ${inTerms}${notes ? `   ${notes[app]}` : ''}`
  })
  const lines = comparisons.map(
    ([app, other, budget]) => `  ${names[app]} is ${verdict(ratio(app, other), names[other], budget)}`,
  )
  return [title, ...rows, ...lines].join('\n')
}

const perSecondOf = (rounds: readonly Round[]): string =>
  Math.round(median(rounds.map(({ requestsPerSecond }) => requestsPerSecond))).toLocaleString('en')

function verdict(ratio: number, other: string, budget: number | undefined): string {
  const start = `${ratio.toFixed(2)} × ${other}`
  if (budget === undefined) return start
  const kept = ratio <= budget ? 'within' : `over by ${((ratio / budget - 1) * 100).toFixed(0)} %`
  return `${start}, budget ${budget}: ${kept}`
}
