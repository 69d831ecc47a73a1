import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startCommand } from '../process.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const fixtures = fileURLToPath(new URL('fixtures', import.meta.url))
/** A file of an installed tool of this repository. */
export const tool = (file: string): string => join(root, 'node_modules', file)
const typeTests = fileURLToPath(new URL('../types', import.meta.url))

/** What a project of a user depends on, beside Holdfast. */
export type Dependencies = Readonly<Record<string, string | undefined>>

/** The packages of Holdfast that users install, as tarballs: package name → file. */
export type Tarballs = ReadonlyMap<string, string>

/** The versions in the manifest of the tests; an alias such as `koa2` gives the package that it stands for. */
export function pinnedVersions(): Dependencies {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    devDependencies: Dependencies
  }
  return manifest.devDependencies
}

/** Runs to the end and gives what was printed; rejects with it unless the exit code is 0. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { NODE_ENV: 'test', NODE_OPTIONS: undefined, TURBO_TELEMETRY_DISABLED: '1' }
  const child = startCommand(command, { args, cwd, env })
  const { code } = await child.ended
  if (code === 0) return child.output()
  throw new Error(`${[command, ...args].join(' ')} ended with ${code}. It printed:\n${child.output()}`)
}

export const runNode = (args: readonly string[], cwd: string): Promise<string> => run(process.execPath, args, cwd)

/** A folder outside of the repository, so that nothing is found there by accident. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'holdfast-packaging-'))
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true })

/** Builds the packages and packs them as they would be published. */
export async function packAll(names: readonly string[], folder: string): Promise<Tarballs> {
  const filters = names.map((name) => `--filter=@holdfast/${name}`)
  await runNode([tool('turbo/bin/turbo'), 'run', 'build', ...filters], root)
  await run('npm', ['pack', '--pack-destination', folder, ...names.flatMap((name) => ['-w', `packages/${name}`])], root)
  const files = await readdir(folder)
  return new Map(names.map((name) => [`@holdfast/${name}`, join(folder, tarballOf(name, files))]))
}

function tarballOf(name: string, files: readonly string[]): string {
  const file = files.find((candidate) => candidate.startsWith(`holdfast-${name}-`))
  if (file === undefined) throw new Error(`npm pack made no tarball of ${name}, only ${files.join(', ')}`)
  return file
}

/** An empty project with the fixtures in it, installed by npm from the tarballs and the registry. */
export async function npmProject(folder: string, tarballs: Tarballs, dependencies: Dependencies): Promise<void> {
  await emptyProject(folder, { dependencies: { ...dependencies, ...filesOf(tarballs) } })
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], folder)
}

/** The same by pnpm, with nothing hoisted: a package finds only what it names. Its store lies in the folder too. */
export async function pnpmProject(folder: string, tarballs: Tarballs, dependencies: Dependencies): Promise<void> {
  const overrides = filesOf(tarballs)
  await emptyProject(folder, { dependencies: { ...dependencies, ...overrides }, pnpm: { overrides } })
  await writeFile(join(folder, '.npmrc'), `hoist=false\nstore-dir=${join(folder, 'store')}\n`)
  await runNode([tool('pnpm/bin/pnpm.cjs'), 'install', '--prefer-offline'], folder)
}

async function emptyProject(folder: string, manifest: object): Promise<void> {
  await mkdir(folder, { recursive: true })
  await cp(fixtures, folder, { recursive: true })
  await cp(typeTests, join(folder, 'types'), { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', ...manifest }))
}

const filesOf = (tarballs: Tarballs): Dependencies =>
  Object.fromEntries([...tarballs].map(([name, file]) => [name, `file:${file}`]))
