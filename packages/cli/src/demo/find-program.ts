import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The path of the first program of that name in `PATH`. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
