import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './find-program.js'

/** The version that Holdfast is tested with. */
const VERSION = '5.6.0'

export interface HazelcastProgram {
  readonly java: string
  readonly jar: string
}

/** Java in `PATH`, and the jar of the open-source edition where Maven keeps it. */
export function findHazelcastProgram(env: NodeJS.ProcessEnv): HazelcastProgram | undefined {
  const java = findProgram('java', env)
  const folder = join(env['HOME'] ?? homedir(), '.m2/repository/com/hazelcast/hazelcast', VERSION)
  const jar = join(folder, `hazelcast-${VERSION}.jar`)
  return java !== undefined && existsSync(jar) ? { java, jar } : undefined
}
