import type { Column } from './column.js'
import { expectedOn, type Cell, type Outcome, type Row, type Scale } from './row.js'
import { startStage, type Stage } from './stage.js'

const NOTHING = {
  lost: 0,
  sessions: 0,
  missing: 0,
  requests: 0,
  failed: {},
  worstWaitMs: 0,
  recoveredMs: 0,
  late: 0,
  note: '',
}

/** Runs the cells of one column one after the other, on the same servers and apps where that is possible. */
export class ColumnRun {
  readonly #column: Column
  readonly #scale: Scale
  #stage: { readonly needs: string; readonly stage: Stage } | undefined

  constructor(column: Column, scale: Scale) {
    this.#column = column
    this.#scale = scale
  }

  async cell(row: Row): Promise<Cell> {
    const { broken, ...outcome } = await this.#outcome(row)
    // What a broken promise left behind must not be counted against the next row.
    if (broken.length > 0) await this.stop()
    return {
      ...{ row: row.number, title: row.title, column: this.#column.name },
      ...outcome,
      expected: expectedOn(row, this.#column.name) ?? '',
      verdict: broken.join('; ') || 'holds',
    }
  }

  async #outcome(row: Row): Promise<Outcome> {
    try {
      return await row.run(await this.#stageFor(row), this.#scale)
    } catch (error) {
      return { ...NOTHING, broken: [(error as Error).message] }
    }
  }

  async stop(): Promise<void> {
    const stage = this.#stage?.stage
    this.#stage = undefined
    await stage?.stop()
  }

  async #stageFor({ needs = {} }: Row): Promise<Stage> {
    const wanted = JSON.stringify(needs)
    if (this.#stage?.needs === wanted) return this.#stage.stage
    await this.stop()
    const stage = await startStage(this.#column, needs)
    this.#stage = { needs: wanted, stage }
    return stage
  }
}
