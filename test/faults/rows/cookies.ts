import { SECRET } from '../fleet.js'
import { inspectedRow } from '../inspection.js'
import type { Row } from '../row.js'

const OTHER_SECRET = 'another secret of the fault matrix, as long'
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** What can be wrong with the cookies that come in. */
export const cookies: readonly Row[] = [
  inspectedRow({
    number: '18',
    title: 'cookies are signed with a key that the app does not have',
    expected: 'the visitor is anonymous, the servers are not asked; with the key added the session goes on',
    inspect: async (inspection, { withApps }) => {
      const { cookie } = await inspection.logIn()
      await withApps(1, { secret: OTHER_SECRET }, ([without]) =>
        inspection.asksNothing(() => inspection.isAnonymous('without the key', cookie, without)),
      )
      await withApps(1, { secret: [OTHER_SECRET, SECRET] }, ([added]) =>
        inspection.serves('with the key added', cookie, 'userId', added),
      )
    },
  }),
  inspectedRow({
    number: '20',
    title: 'the session cookie comes more than once',
    expected:
      'one valid among forged ones is served; two valid ones: anonymous; of a hundred only the first are looked at',
    inspect: async (inspection) => {
      const [mine, other] = [await inspection.logIn(), await inspection.logIn()]
      await inspection.serves('a forged one first', `sid=forged; ${mine.cookie}`)
      await inspection.serves('a forged one last', `${mine.cookie}; sid=forged`)
      await inspection.serves('the same twice', `${mine.cookie}; ${mine.cookie}`)
      await inspection.isAnonymous('two valid ones', `${mine.cookie}; ${other.cookie}`)
      await inspection.isAnonymous('a hundred before it', `${'sid=forged; '.repeat(100)}${mine.cookie}`)
      await inspection.serves('the session', mine.cookie)
    },
  }),
  inspectedRow({
    number: '21',
    title: 'a cookie is tampered with: each of its characters, one at a time',
    expected: 'anonymous, the servers are not asked, the cookie is left alone',
    inspect: async (inspection) => {
      const { cookie } = await inspection.logIn()
      const from = cookie.indexOf('=') + 1
      await inspection.asksNothing(async () => {
        for (let at = from; at < cookie.length; at++) {
          const other = ALPHABET[(ALPHABET.indexOf(cookie.charAt(at)) + 1) % ALPHABET.length] as string
          const changed = cookie.slice(0, at) + other + cookie.slice(at + 1)
          await inspection.isAnonymous(`character ${at - from + 1}`, changed)
        }
      })
      await inspection.serves('the cookie as it was', cookie)
    },
  }),
]
