import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireServer } from './require-server.js'

const VERSION = '5.6.0'
const ARTIFACT = `com.hazelcast:hazelcast:${VERSION}`

export interface HazelcastProgram {
  readonly java: string
  readonly jar: string
}

/** Java and the jar of the open-source edition; as `requireServer`, `undefined` where one of them is missing. */
export async function requireHazelcast(): Promise<HazelcastProgram | undefined> {
  const program = await requireServer('java')
  if (program === undefined) return undefined
  const jar = join(homedir(), '.m2/repository/com/hazelcast/hazelcast', VERSION, `hazelcast-${VERSION}.jar`)
  return existsSync(jar) || (await fetchJar()) ? { java: program, jar } : undefined
}

async function fetchJar(): Promise<boolean> {
  const args = ['-q', '-B', 'dependency:get', `-Dartifact=${ARTIFACT}`, '-Dtransitive=false']
  if (process.env['CI'] !== 'true') {
    process.stderr.write(`SKIPPED: the tests that need Hazelcast. To run them: mvn ${args.join(' ')}\n`)
    return false
  }
  const program = await requireServer('maven')
  if (program !== undefined) await promisify(execFile)(program, args)
  return program !== undefined
}
