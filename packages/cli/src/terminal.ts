import { once } from 'node:events'

/** Where a command says what it has found, and how it ended. */
export interface Terminal {
  /** Resolves when there is room for more. */
  print(line?: string): Promise<void>
  /** What is no result: errors. */
  complain(line: string): void
  /** The exit code. */
  end(code: number): void
}

export const terminal: Terminal = {
  async print(line = '') {
    if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
  },
  complain: (line) => console.error(line),
  end: (code) => void (process.exitCode = code),
}

/** Who reads less than all of it, `| head`, is done: that is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
