import { median, medianRatio } from './statistics.js'

/** What each app of one framework cost for one request, in µs, round by round. */
export type Costs = Readonly<Record<'bare' | 'jsonOnce' | 'library' | 'holdfast', readonly number[]>>

export interface Section {
  readonly title: string
  /** The session library that Holdfast is compared with. */
  readonly library: string
  readonly costs: Costs
  /** The most that Holdfast may cost in terms of the others (ARCHITECTURE, section 7); none where that says nothing. */
  readonly budgets: { readonly jsonOnce?: number; readonly library?: number }
}

/** Some lines of plain text for one section. */
export function report({ title, library, costs, budgets }: Section): string {
  const names = { bare: 'no session', jsonOnce: '+ JSON once', library, holdfast: 'Holdfast' }
  const rows = (Object.keys(names) as (keyof Costs)[]).map((app) => {
    const cost = median(costs[app]).toFixed(1).padStart(8)
    return `  ${names[app].padEnd(16)}${cost} µs   ${medianRatio(costs[app], costs.bare).toFixed(2)} × no session`
  })
  const comparisons = [
    compare(names.jsonOnce, medianRatio(costs.holdfast, costs.jsonOnce), budgets.jsonOnce),
    compare(names.library, medianRatio(costs.holdfast, costs.library), budgets.library),
  ]
  return [title, ...rows, ...comparisons.map((line) => `  Holdfast is ${line}`)].join('\n')
}

function compare(other: string, ratio: number, budget: number | undefined): string {
  const start = `${ratio.toFixed(2)} × ${other}`
  if (budget === undefined) return start
  const verdict = ratio <= budget ? 'within' : `over by ${((ratio / budget - 1) * 100).toFixed(0)} %`
  return `${start}, budget ${budget}: ${verdict}`
}
