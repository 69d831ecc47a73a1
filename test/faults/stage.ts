import type { Column, Target, TargetOptions } from './column.js'
import type { ClientOptions } from './client.js'
import { SECRET, startApps, type AppProcess, type AppSettings } from './fleet.js'

/** The servers of a column and two app processes before them; three where these are the servers. */
export interface Stage {
  readonly target: Target
  readonly apps: readonly AppProcess[]
  /** Where sessions have copies: a third app, which is asked nothing while there is a fault. */
  readonly idle: AppProcess | undefined
  readonly copies: number
  /** Runs with so many apps that have other settings. Where the apps are the servers, some of these are restarted with them. */
  withApps<T>(
    count: number,
    settings: Partial<AppSettings>,
    run: (apps: readonly AppProcess[]) => Promise<T>,
    options?: ClientOptions,
  ): Promise<T>
  stop(): Promise<void>
}

export async function startStage(column: Column, options: TargetOptions): Promise<Stage> {
  const { copies = 1 } = column
  const target = await column.start(options)
  if (target.nodes) {
    const { apps } = target.nodes
    const withApps = withRestarted(target, apps)
    return { target, apps, idle: undefined, copies, withApps, stop: () => target.stop() }
  }
  const settings = { secret: SECRET, ...target.options }
  try {
    const all = await startApps(copies > 1 ? 3 : 2, settings)
    const stop = async (): Promise<void> => {
      await stopAll(all)
      await target.stop()
    }
    return { target, apps: all.slice(0, 2), idle: all[2], copies, withApps: withMore(settings), stop }
  } catch (error) {
    await target.stop()
    throw error
  }
}

const withMore =
  (settings: AppSettings): Stage['withApps'] =>
  async (count, changed, run, options) => {
    const apps = await startApps(count, { ...settings, ...changed }, options)
    try {
      return await run(apps)
    } finally {
      await stopAll(apps)
    }
  }

const withRestarted =
  (target: Target, all: readonly AppProcess[]): Stage['withApps'] =>
  async (count, settings, run, options) => {
    const apps = all.slice(-count)
    const restart = async (...how: Parameters<AppProcess['restart']>): Promise<void> => {
      await Promise.all(apps.map((app) => app.kill()))
      await Promise.all(apps.map((app) => app.restart(...how)))
      await target.settled()
    }
    await restart(settings, options)
    try {
      return await run(apps)
    } finally {
      await restart()
    }
  }

const stopAll = (apps: readonly AppProcess[]): Promise<unknown> => Promise.allSettled(apps.map((app) => app.stop()))
