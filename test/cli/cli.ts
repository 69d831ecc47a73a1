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
  const command = sessionsCommand({ print, complain, end: (ended) => (code = ended) })
  await command.parseAsync(args.slice(1), { from: 'user' })
  return { code, output }
}

/** The lines of `--json`. */
export const parsed = ({ output }: Said): Record<string, unknown>[] =>
  output
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
