import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoState } from '../demo/demo-state.js'
import { startCommand } from '../process.js'
import { requireServer } from '../servers/require-server.js'
import {
  npmProject,
  packAll,
  pinnedVersions,
  pnpmProject,
  removeFolder,
  runNode,
  temporaryFolder,
  tool,
} from './projects.js'

/** The versions that this repository's own tests run with. */
const { koa, koa2, express, express4, ...pinned } = pinnedVersions()
const types = {
  '@types/node': '20.19.25',
  '@types/koa': pinned['@types/koa'],
  '@types/express': pinned['@types/express'],
  '@types/koa-session': pinned['@types/koa-session'],
  '@types/express-session': pinned['@types/express-session'],
}
const newest = { koa, express }
const redisServer = await requireServer('redis-server')
const oldest = { koa: koa2, express: express4 }
const oldestTypes = { ...types, '@types/koa': '2.15.2', '@types/express': '4.17.25' }

let folder: string
const inFolder = (name: string): string => join(folder, name)

beforeAll(async () => {
  folder = await temporaryFolder()
  await mkdir(inFolder('tarballs'))
  const tarballs = await packAll(
    ['core', 'memory', 'redis', 'memcached', 'hazelcast', 'peer', 'koa', 'express', 'cli'],
    inFolder('tarballs'),
  )
  await npmProject(inFolder('npm-newest'), tarballs, { ...newest, ...types })
  await npmProject(inFolder('npm-oldest'), tarballs, { ...oldest, ...oldestTypes })
  await pnpmProject(inFolder('pnpm'), tarballs, newest)
}, 240_000)

afterAll(() => removeFolder(folder))

interface Report {
  readonly user: string
  /** Files of Holdfast that the process has loaded, such as `core/dist/index.js`. */
  readonly loaded: readonly string[]
}

async function reportOf(file: string, project: string): Promise<Report> {
  const output = await runNode([file], project)
  const line = output.split('\n').find((candidate) => candidate.startsWith('{'))
  if (line === undefined) throw new Error(`${file} reported nothing. It printed:\n${output}`)
  return JSON.parse(line) as Report
}

describe.each(['npm-newest', 'npm-oldest', 'pnpm'])('installed from tarballs: %s', (project) => {
  describe.each(['koa', 'express'])('%s', (framework) => {
    test.each([
      ['import', 'mjs', 'index.js'],
      ['require', 'cjs', 'index.cjs'],
    ])('%s: a login holds, on one copy of each package', async (_, extension, entry) => {
      expect(await reportOf(`${framework}.${extension}`, inFolder(project))).toEqual({
        user: `${framework} knows u1`,
        loaded: ['core', framework, 'memory'].sort().map((name) => `${name}/dist/${entry}`),
      })
    })
  })

  test.each([
    ['import', 'mjs', 'index.js'],
    ['require', 'cjs', 'index.cjs'],
  ])(
    '%s: core finds a store by the scheme of its URL, and that store uses the same core',
    async (_, extension, entry) => {
      expect(await reportOf(`scheme.${extension}`, inFolder(project))).toEqual({
        user: 'core knows u1',
        loaded: [`core/dist/${entry}`, `memory/dist/${entry}`],
      })
    },
  )
})

test.each(['npm-newest', 'pnpm'])('the command of the installed package opens the demo: %s', async (project) => {
  const bin = join(inFolder(project), 'node_modules/.bin/holdfast')
  const demo = startCommand(bin, { args: ['demo', '--port', '0'], cwd: folder, env: { NODE_OPTIONS: undefined } })
  const [address] = await demo.printed(/http:\/\/127\.0\.0\.1:\d+/)
  expect(await (await fetch(address)).text()).toContain('Holdfast')
  expect((await fetch(`${address}/demo/page.js`)).headers.get('content-type')).toContain('javascript')
  const { approach, visitors } = await demoState(address)
  expect([approach, ...visitors.map(({ login }) => login)]).toEqual(['peer', ...Array<string>(6).fill('in')])
  expect(await demo.stop('SIGINT')).toEqual({ code: 0, signal: null })
})

test.skipIf(redisServer === undefined).each(['npm-newest', 'pnpm'])(
  'and its app servers find the adapter of Redis: %s',
  { timeout: 60_000 },
  async (project) => {
    const bin = join(inFolder(project), 'node_modules/.bin/holdfast')
    const env = { NODE_OPTIONS: undefined, REDIS_URL: undefined }
    const demo = startCommand(bin, { args: ['demo', '--port', '0'], cwd: folder, env })
    const [address] = await demo.printed(/http:\/\/127\.0\.0\.1:\d+/)
    expect((await fetch(`${address}/demo/choose/redis`, { method: 'POST' })).status).toBe(204)
    expect((await demoState(address)).notice).toBe(
      'Session server (Redis) from now on. All six visitors have just signed in.',
    )
    expect(await demo.stop('SIGINT')).toEqual({ code: 0, signal: null })
  },
)

describe('bundled by esbuild into one file, away from any node_modules', () => {
  // The usual recipe for CommonJS dependencies in a bundle of ES modules.
  const banner = `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)`

  test.each([
    ['esm', 'mjs', { js: banner }],
    ['cjs', 'cjs', {}],
  ] as const)('%s: works with the adapters that were passed', async (format, extension, withBanner) => {
    const outfile = inFolder(`bundle/${format}/app.${extension}`)
    await build({
      entryPoints: [join(inFolder('npm-newest'), 'bundle.mjs')],
      bundle: true,
      platform: 'node',
      format,
      outfile,
      banner: withBanner,
      logLevel: 'error',
    })
    expect(await reportOf(outfile, inFolder(`bundle/${format}`))).toEqual({
      user: 'bundle knows u1 and u1',
      loaded: [],
    })
  })
})

/** A compiler reads all types of a project; a busy machine takes its time. */
const compiling = { timeout: 120_000 }

const compilers = { 'TypeScript 5.9': 'typescript/bin/tsc', 'TypeScript 7': 'typescript-7/bin/tsc' }
const modules = { nodenext: 'nodenext', bundler: 'esnext' }

interface TypeCheck {
  readonly include: readonly string[]
  readonly compilerOptions: Readonly<Record<string, unknown>>
}

/** What the compiler says of the type tests in a project: nothing, when all is well. */
async function complaints(tsc: string, project: string, { include, compilerOptions }: TypeCheck): Promise<string> {
  const target = { target: 'ES2022', lib: ['ES2022'], strict: true, noEmit: true }
  const config = { include, compilerOptions: { ...target, ...compilerOptions } }
  await writeFile(join(inFolder(project), 'tsconfig.json'), JSON.stringify(config))
  return runNode([tool(tsc), '--pretty', 'false'], inFolder(project))
}

describe.each(['npm-newest', 'npm-oldest'])('types: %s', (project) => {
  const besides = {
    'without other session types': { types: ['node'], include: ['types', 'types-alone'] },
    // Beside these `ctx.session` and `req.session` have both types; what does not hold then is in types-alone.
    'beside the types of koa-session and express-session': {
      types: ['node', 'koa-session', 'express-session'],
      include: ['types'],
    },
  }
  const cases = Object.entries(compilers).flatMap(([compiler, tsc]) =>
    Object.entries(modules).flatMap(([moduleResolution, module]) =>
      Object.entries(besides).map(([beside, { types, include }]) => ({
        name: `${compiler}, ${moduleResolution}, ${beside}`,
        tsc,
        check: {
          include,
          compilerOptions: { module, moduleResolution, types, skipLibCheck: true },
        },
      })),
    ),
  )

  test.each(cases)('$name: what should compile does, what should not does not', compiling, async ({ tsc, check }) => {
    expect(await complaints(tsc, project, check)).toBe('')
  })
})

describe('the declarations of core', () => {
  test.each(Object.entries(compilers))(
    '%s finds no fault in them, with the library of ES2022',
    compiling,
    async (_, tsc) => {
      const compilerOptions = { module: 'nodenext', types: ['node'], exactOptionalPropertyTypes: true }
      const check = { include: ['types/data.ts', 'types/sessions.ts'], compilerOptions }
      expect(await complaints(tsc, 'npm-newest', check)).toBe('')
    },
  )
})
