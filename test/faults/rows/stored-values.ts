import { isDeepStrictEqual } from 'node:util'
import { until } from '../../servers/until.js'
import { inspectedRow } from '../inspection.js'
import { onCopies, type Row } from '../row.js'

const corruptions: Readonly<Record<string, (bytes: string) => string>> = {
  'not ours': () => 'x'.repeat(200),
  empty: () => '',
  'cut off': (bytes) => bytes.slice(0, -3),
  'cut off early': (bytes) => bytes.slice(0, 60),
  'another byte in its head': (bytes) => `x${bytes.slice(1)}`,
  'no JSON': (bytes) => `${bytes.slice(0, bytes.lastIndexOf('\n'))}\n{"userId":`,
  'no object': (bytes) => `${bytes.slice(0, bytes.lastIndexOf('\n'))}\n[]`,
}

/** What can be wrong with what is stored. */
export const storedValues: readonly Row[] = [
  inspectedRow({
    number: '15',
    title: 'a stored session is corrupted',
    expected: 'its visitor is anonymous and can log in again, others notice nothing; the bytes are kept',
    inspect: async (inspection, { target }) => {
      const other = await inspection.logIn()
      for (const [what, corrupt] of Object.entries(corruptions)) {
        const { id, cookie } = await inspection.logIn()
        await target.change(id, corrupt)
        const corrupted = await target.bytes(id)
        await inspection.isAnonymous(what, cookie)
        const again = await inspection.ask('/login?user=ada', cookie)
        inspection.check(`${what}: a new login`, again.status === 200 && again.cookie !== undefined)
        await inspection.serves(`${what}, the new login`, again.cookie ?? '')
        inspection.check(`${what}: its bytes are kept`, isDeepStrictEqual(await target.bytes(id), corrupted))
        await inspection.serves(`${what}, another visitor`, other.cookie)
      }
      const { events } = await inspection.app.report()
      inspection.check('each is an event', (events['undecodable'] ?? 0) >= Object.keys(corruptions).length)
    },
  }),
  inspectedRow({
    number: '15b',
    title: 'a stored session is corrupted on one of its servers',
    expected: onCopies('its visitor notices nothing; it is whole again on that server'),
    inspect: async (inspection, { target }) => {
      for (const [what, corrupt] of Object.entries(corruptions)) {
        const { id, cookie } = await inspection.logIn()
        const whole = await target.bytes(id)
        await target.change(id, corrupt, 'once')
        await inspection.serves(what, cookie)
        inspection.check(`${what}: whole again`, isDeepStrictEqual(await target.bytes(id), whole))
      }
    },
  }),
  inspectedRow({
    number: '16',
    title: 'a session grows beyond its limit (64 KiB)',
    expected: 'that request gets a 500 before the servers are asked; what was stored stays, others notice nothing',
    inspect: async (inspection) => {
      const [mine, other] = [await inspection.logIn(), await inspection.logIn()]
      const calls = await inspection.callsDuring(async () => {
        const [grown] = await Promise.all([
          inspection.ask('/fill?bytes=70000', mine.cookie),
          inspection.serves('another visitor', other.cookie),
        ])
        inspection.check(`it is refused, not ${grown.status}`, grown.status === 500)
      })
      inspection.check('nothing is written', calls.writes === 0)
      await inspection.serves('what was stored', mine.cookie)
      const changed = await inspection.ask('/add?field=small', mine.cookie)
      inspection.check('the next change is stored', changed.status === 200)
      await inspection.serves('the next change', mine.cookie, 'small')
    },
  }),
  inspectedRow({
    number: '17',
    title: 'a stored session is of a version that this one does not know',
    expected: '503 with Retry-After, the record stays as it is; who knows the version serves it',
    inspect: async (inspection, { target }) => {
      const { id, cookie } = await inspection.logIn()
      const known = await target.bytes(id)
      await target.change(id, (bytes) => bytes.replace('{"v":1,', '{"v":9,'))
      const later = await target.bytes(id)
      for (const path of ['/show', '/add?field=x', '/logout']) {
        const { status, headers } = await inspection.ask(path, cookie)
        inspection.check(`${path}: 503 with Retry-After, not ${status}`, status === 503 && 'retry-after' in headers)
      }
      inspection.check('it was another version', !isDeepStrictEqual(later, known))
      inspection.check('the record stays as it is', isDeepStrictEqual(await target.bytes(id), later))
      await target.change(id, (bytes) => bytes.replace('{"v":9,', '{"v":1,'))
      await inspection.serves('who knows its version', cookie)
    },
  }),
  inspectedRow({
    number: '19',
    title: 'a session is over (idle or absolute) and the servers still have it',
    expected: 'its visitor is anonymous; a request that had it open is answered and does not revive it',
    inspect: async (inspection, { apps, target }) => {
      const { cookie } = await inspection.logIn()
      const open = inspection.ask('/add?field=revived&wait=1000', cookie)
      await until('the request has its session open', async () => (await inspection.app.report()).waiting === 1)
      // Where the apps are the servers, a clock of one alone is another fault.
      const clocks = target.nodes ? apps : [inspection.app]
      const move = (ms: number): Promise<unknown> => Promise.all(clocks.map((app) => app.get(`/clock?ahead=${ms}`)))
      await move(31 * MINUTE)
      const calls = await inspection.callsDuring(() => inspection.isAnonymous('idle for 31 minutes', cookie))
      inspection.check('nothing is written', calls.writes === 0)
      const late = await open
      inspection.check(`the open request fails with ${late.status}`, late.status === 200)
      await inspection.isAnonymous('after the open request', cookie)
      await move(13 * 60 * MINUTE)
      await inspection.isAnonymous('13 hours after the login', cookie)
      await move(0)
      if (target.nodes) return
      await inspection.serves('another app server, whose clock says otherwise', cookie, 'userId', apps[1])
      const { body } = await inspection.ask('/show', cookie, apps[1])
      inspection.check('what came too late is not stored', !body.includes('revived'))
    },
  }),
]

const MINUTE = 60_000
