import { doctorCommand } from '../../packages/cli/src/doctor/doctor-command.js'
import { migrateCommand } from '../../packages/cli/src/migrate/migrate-command.js'
import { sessionsCommand } from '../../packages/cli/src/sessions/sessions-command.js'

export interface Said {
  readonly code: number | null
  readonly output: string
}

/** Runs a command in this process: the same as the command line but for what prints. Its variables are those of `vi.stubEnv`. */
export async function cli(...args: readonly string[]): Promise<Said> {
  let output = ''
  let code = NaN
  const complain = (line: string): void => void (output += `${line}\n`)
  const print = async (line = ''): Promise<void> => complain(line)
  const [name = '', ...rest] = args
  const commandOf = { migrate: migrateCommand, doctor: doctorCommand }[name] ?? sessionsCommand
  const command = commandOf({ print, complain, end: (ended) => (code = ended) })
  await command.parseAsync(rest, { from: 'user' })
  return { code, output }
}

/** The lines of `--json`. */
export const parsed = ({ output }: Said): Record<string, unknown>[] =>
  output
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

interface Report {
  readonly findings: readonly {
    readonly code: string
    readonly level: string
    readonly message: string
    readonly servers?: readonly string[]
  }[]
}

const short = (code: string): string => code.replace(/^HOLDFAST_(?:REDIS_|MEMCACHED_|HAZELCAST_|APP_)?/, '')

/**
 * What doctor finds: each as `level code`, without the brand, and what it says by its code. Without the time that an answer
 * takes: on a machine that runs other tests it is long.
 */
export async function findings(url: string, ...args: readonly string[]) {
  const said = await cli('doctor', url, '--json', ...args)
  const [report] = parsed(said) as unknown as [Report]
  const found = report.findings.filter(({ code }) => code !== 'HOLDFAST_ROUND_TRIP')
  return {
    code: said.code,
    found: found.map(({ code, level }) => `${level} ${short(code)}`).sort(),
    says: Object.fromEntries(found.map(({ code, message }) => [short(code), message])),
    servers: Object.fromEntries(found.map(({ code, servers }) => [short(code), servers])),
  }
}
