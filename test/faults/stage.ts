import type { Column, Target, TargetOptions } from './column.js'
import { SECRET, startApps, type AppProcess } from './fleet.js'

/** The servers of a column and two app processes before them. */
export interface Stage {
  readonly target: Target
  readonly apps: readonly AppProcess[]
  stop(): Promise<void>
}

export async function startStage(column: Column, options: TargetOptions): Promise<Stage> {
  const target = await column.start(options)
  try {
    const apps = await startApps(2, { secret: SECRET, store: target.url })
    const stop = async (): Promise<void> => {
      await Promise.allSettled(apps.map((app) => app.stop()))
      await target.stop()
    }
    return { target, apps, stop }
  } catch (error) {
    await target.stop()
    throw error
  }
}
