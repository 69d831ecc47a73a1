import type { Diagnosis, Finding, ServerReport } from '@holdfast/core'
import { Command, InvalidArgumentError } from 'commander'
import { shown } from '../open-store.js'
import { NO, run } from '../run.js'
import { safe, table, wrapped } from '../table.js'
import type { Terminal } from '../terminal.js'
import { diagnoseApp } from './app-doctor.js'
import { diagnoseStore } from './store-doctor.js'

interface DoctorOptions {
  readonly json: boolean
  /** Days. */
  readonly absolute: number
  readonly path: string
  readonly header?: string
}

const DAY_MS = 86_400_000

/** `doctor URL`: exit code 1 when something is wrong, 2 when it could not be asked. */
export function doctorCommand(terminal: Terminal): Command {
  return new Command('doctor')
    .description('looks for settings by which logins are lost')
    .argument('<url>', 'that of a store, as the app has it; or of the app, as visitors have it')
    .option('--path <path>', 'of an app: a path that gives each visitor a session', '/')
    .option('--header <name>', 'of an app: the response header in which a node says its name')
    .option('--absolute <days>', 'of a store: the longest that a session of the app may live', toDays, 90)
    .option('--json', 'for programs', false)
    .action((url: string, options: DoctorOptions) =>
      run(terminal, async () => {
        const diagnosis = await diagnose(url, options)
        const wrong = diagnosis.findings.filter(({ level }) => level === 'wrong').length
        if (options.json) await terminal.print(JSON.stringify({ ok: wrong === 0, ...diagnosis }))
        else for (const line of pageOf(url, diagnosis, wrong)) await terminal.print(line)
        return wrong === 0 ? 0 : NO
      }),
    )
}

const diagnose = (url: string, { absolute, path, header }: DoctorOptions): Promise<Diagnosis> =>
  /^https?:/i.test(url)
    ? diagnoseApp(url, { path, header: header?.toLowerCase() })
    : diagnoseStore(url, absolute * DAY_MS)

function pageOf(url: string, { servers, findings }: Diagnosis, wrong: number): readonly string[] {
  const result = wrong === 0 ? 'Nothing is wrong.' : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong.`
  return [shown(url), '', ...table(servers.map(cellsOf)), '', ...ordered(findings).map(lineOf), result]
}

const cellsOf = ({ server, what, roundTripMs, aheadMs }: ServerReport): readonly string[] => [
  `  ${safe(server)}`,
  safe(what),
  `round trip ${roundTripMs.toFixed(1)} ms`,
  aheadMs === undefined ? '' : clockOf(Math.round(aheadMs)),
]

const clockOf = (aheadMs: number): string => `this clock is ${Math.abs(aheadMs)} ms ${aheadMs < 0 ? 'behind' : 'ahead'}`

const LEVELS = ['wrong', 'advice', 'unknown'] as const

const ordered = (findings: readonly Finding[]): readonly Finding[] =>
  LEVELS.flatMap((level) => findings.filter((finding) => finding.level === level))

function lineOf({ level, code, message, servers }: Finding): string {
  const where = servers ? ` (${servers.join(', ')})` : ''
  return `  ${level.toUpperCase().padEnd(7)}  ${wrapped(safe(`${message.charAt(0).toUpperCase()}${message.slice(1)} ${code}${where}`), '           ')}\n`
}

function toDays(text: string): number {
  const days = Number(text.replace(/d$/, ''))
  if (days > 0 && days <= 3_653) return days
  throw new InvalidArgumentError('The longest absolute lifetime is a number of days, such as 90.')
}
