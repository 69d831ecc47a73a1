import type { Column, Target, TargetOptions } from './column.js'
import { SECRET, startApps, type AppProcess } from './fleet.js'

/** The servers of a column and two app processes before them. */
export interface Stage {
  readonly target: Target
  readonly apps: readonly AppProcess[]
  /** Where sessions have copies: a third app, which is asked nothing while there is a fault. */
  readonly idle: AppProcess | undefined
  readonly copies: number
  stop(): Promise<void>
}

export async function startStage(column: Column, options: TargetOptions): Promise<Stage> {
  const { copies = 1 } = column
  const target = await column.start(options)
  try {
    const all = await startApps(copies > 1 ? 3 : 2, { secret: SECRET, ...target.options })
    const stop = async (): Promise<void> => {
      await Promise.allSettled(all.map((app) => app.stop()))
      await target.stop()
    }
    return { target, apps: all.slice(0, 2), idle: all[2], copies, stop }
  } catch (error) {
    await target.stop()
    throw error
  }
}
