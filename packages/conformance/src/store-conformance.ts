import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionStore } from '@holdfast/core'
import { callCases } from './cases/calls.js'
import { capabilityCases } from './cases/capabilities.js'
import { closingCases } from './cases/closing.js'
import { absentCases, newerCases, replacesCases } from './cases/conditions.js'
import { deadlineCases } from './cases/deadlines.js'
import { raceCases } from './cases/races.js'
import { tombstoneCases } from './cases/tombstones.js'
import { touchCases } from './cases/touch.js'
import { valueCases } from './cases/values.js'
import type { CaseContext, CaseGroup, ConformanceCase } from './conformance-case.js'
import { modelCases } from './model/model-case.js'
import { createClock } from './test-clock.js'

export interface StoreTraits {
  /** `'real'`: the store takes no clock. Deadlines are then waited for, and those beyond seconds are only stored. Default `'injected'`. */
  readonly clock?: 'injected' | 'real'
  /** True when every store that `createStore` makes sees the same data. Default false. */
  readonly shared?: boolean
  /** The most bytes of text that the store takes, where it has such a limit. Without it that case is left out. */
  readonly maxRecordBytes?: number
  /**
   * Where the store differs from the contract: the full name of a case and the reason. Such a case must *fail*, so that
   * a difference which is gone is noticed.
   */
  readonly differences?: Readonly<Record<string, string>>
}

export interface StoreConformanceOptions {
  /** Of vitest or node:test. */
  readonly describe: (name: string, body: () => void) => unknown
  /** Of vitest or node:test. */
  readonly test: (name: string, options: { timeout: number }, body: () => Promise<void>) => unknown
  /** Called for each test, twice where two processes are played. Keys are random, nothing needs to be emptied. */
  readonly createStore: (context: { readonly clock: () => number }) => SessionStore | Promise<SessionStore>
  /** Makes the server behind the store stop answering; resolves to what undoes it. Without it those cases are left out. */
  readonly hang?: () => Promise<() => Promise<void>>
  readonly traits?: StoreTraits
}

const CASE_TIMEOUT_MS = 15_000

/**
 * Registers the tests of the store contract, one for each sentence of it, and a model-based test. Needs no `expect`:
 * failures are errors of node:assert.
 */
export function storeConformance(options: StoreConformanceOptions): void {
  const { describe, test, traits = {} } = options
  const groups = groupsFor(options)
  assertDifferencesExist(groups, traits.differences ?? {})
  for (const { title, cases } of groups) {
    describe(title, () => {
      for (const one of cases) {
        const reason = traits.differences?.[fullName(title, one)]
        const name = reason === undefined ? one.name : `differs, because ${reason}: ${one.name}`
        test(name, { timeout: one.timeoutMs ?? CASE_TIMEOUT_MS }, async () => {
          if (reason === undefined) await runCase(one, options)
          else
            await assert.rejects(runCase(one, options), () => true, 'The store does this now: take the difference out.')
        })
      }
    })
  }
}

const fullName = (title: string, { name }: ConformanceCase): string => `${title}: ${name}`

function groupsFor({ traits = {}, hang }: StoreConformanceOptions): CaseGroup[] {
  const clock = traits.clock ?? 'injected'
  const has = {
    'injected clock': clock === 'injected',
    'shared data': traits.shared ?? false,
    hang: hang !== undefined,
    'a limit of size': traits.maxRecordBytes !== undefined,
  }
  const groups = [
    valueCases,
    absentCases,
    replacesCases,
    newerCases,
    tombstoneCases,
    touchCases,
    deadlineCases,
    raceCases,
    callCases,
    capabilityCases,
    closingCases,
    modelCases(clock),
  ]
  return groups.map(({ title, cases }) => ({ title, cases: cases.filter(({ needs }) => !needs || has[needs]) }))
}

function assertDifferencesExist(groups: readonly CaseGroup[], differences: Readonly<Record<string, string>>): void {
  const names = new Set(groups.flatMap(({ title, cases }) => cases.map((one) => fullName(title, one))))
  for (const name of Object.keys(differences)) {
    if (names.has(name)) continue
    throw new Error(
      `traits.differences names ${JSON.stringify(name)}, which is no case of this store. Write 'group: case'.`,
    )
  }
}

async function runCase(one: ConformanceCase, options: StoreConformanceOptions): Promise<void> {
  const injected = options.traits?.clock !== 'real'
  const clock = createClock()
  const now = injected ? clock.now : Date.now
  const cleanups: (() => Promise<void>)[] = []
  const open = async () => {
    const store = await options.createStore({ clock: now })
    cleanups.push(() => store.close())
    return store
  }
  const context: CaseContext = {
    store: await open(),
    now,
    open,
    pass: async (ms) => (injected ? clock.advance(ms) : waitUntil(Date.now() + ms)),
    tooLargeText: () => 'x'.repeat((options.traits?.maxRecordBytes ?? 0) + 1),
    hang: async () => {
      const undo = await options.hang?.()
      if (undo) cleanups.push(undo)
    },
  }
  try {
    await one.run(context)
  } finally {
    for (const cleanUp of cleanups.reverse()) await cleanUp()
  }
}

/** Timers may fire a millisecond early. */
async function waitUntil(instant: number): Promise<void> {
  while (Date.now() < instant) await sleep(instant - Date.now())
}
