import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../servers/until.js'
import type { Answer } from '../client.js'
import { ownMemoryOf, PEER_SECRET, reportOf, type PeerNodes } from '../columns/peer-nodes.js'
import type { AppProcess } from '../fleet.js'
import { startFloodingPeer } from '../flooding-peer.js'
import { inspectedRow, type Inspection, type Login } from '../inspection.js'
import { loadRow } from '../load-row.js'
import type { Row, Scale } from '../row.js'
import type { Stage } from '../stage.js'

const SESSIONS = 12
/** Long enough for the others to give up their connections to a node that stands still. */
const LEAST_FROZEN_MS = 3_500
const TWO_HOURS_MS = 2 * 60 * 60 * 1_000

type Three = readonly [AppProcess, AppProcess, AppProcess]

/** A row of app servers that keep the sessions themselves. */
const peerRow = ({
  inspect,
  expected,
  ...row
}: {
  readonly number: string
  readonly title: string
  readonly expected: string
  inspect(inspection: Inspection, nodes: PeerNodes, apps: Three, scale: Scale): Promise<void>
}): Row =>
  inspectedRow({
    ...row,
    expected: { peer: expected },
    inspect: async (inspection, { target: { nodes } }: Stage, scale) => {
      if (!nodes) throw new Error('The apps are not the servers.')
      await inspect(inspection, nodes, nodes.apps as Three, scale)
      await nodes.settled()
    },
  })

/** Faults of app servers that keep the sessions themselves, and of the ways between them. */
export const peers: readonly Row[] = [
  peerRow({
    number: '1g',
    title: 'kill -9 two of the three at once, and start them again',
    expected: 'who had both copies there is logged out, nobody else; the one that was left tells that they are down',
    inspect: async (inspection, nodes, [left, ...killed]) => {
      const logins = await logInMany(inspection, 3 * SESSIONS)
      const held = await Promise.all(logins.map(({ id }) => ownMemoryOf(left).bytes(id)))
      const before = await eventsOf(left)
      await Promise.all(killed.map((app) => app.kill()))
      await until('the one that is left tells', async () => (await downsOf(left)) === killed.length)
      await Promise.all(killed.map((app) => app.restart()))
      await nodes.settled()
      let out = 0
      for (const [i, { cookie }] of logins.entries())
        for (const app of nodes.apps) {
          const { status } = await inspection.ask('/show', cookie, app)
          inspection.check(
            `a session ${held[i] ? 'with' : 'without'} a copy left: ${status}`,
            status === (held[i] ? 200 : 401),
          )
          if (status === 401) out++
        }
      const told = ((await eventsOf(left))['member'] ?? 0) - (before['member'] ?? 0)
      inspection.check('it told of each that it was down, and that it is back', told >= 2 * killed.length)
      inspection.note = `${out / nodes.apps.length} of ${logins.length} had both copies there`
    },
  }),
  peerRow({
    number: '2d',
    title: 'a node freezes, others change its sessions, and it wakes with requests that wait',
    expected: 'it answers nothing stale: what was acknowledged elsewhere, or 503',
    inspect: async (inspection, nodes, [first, second, frozen], { holdMs }) => {
      const [changed, loggedOut] = halves(await logInMany(inspection, 2 * SESSIONS))
      await frozen.pause()
      const held = sleep(Math.max(holdMs, LEAST_FROZEN_MS))
      for (const [i, { cookie }] of changed.entries())
        await untilOk(inspection, '/add?field=meanwhile', cookie, i % 2 ? first : second)
      for (const [i, { cookie }] of loggedOut.entries())
        await untilOk(inspection, '/logout', cookie, i % 2 ? first : second)
      await held
      const ask = ({ cookie }: Login): Promise<Answer> => inspection.ask('/show', cookie, frozen)
      const answers = Promise.all([Promise.all(changed.map(ask)), Promise.all(loggedOut.map(ask))])
      frozen.resume()
      const [changes, logouts] = await answers
      for (const { status, body } of changes)
        inspection.check(
          `a change elsewhere: ${status} ${body}`,
          status === 503 || (status === 200 && body.includes('meanwhile')),
        )
      for (const { status } of logouts)
        inspection.check(`a logout elsewhere: ${status}`, status === 503 || status === 401)
      const served = changes.filter(({ status }) => status === 200).length
      inspection.note = `${served} of ${changes.length} were served at once`
      await until('it serves again', async () => (await frozen.get('/health')).status === 200)
      for (const { cookie } of changed) await inspection.serves('a change', cookie, 'meanwhile', frozen)
      for (const { cookie } of loggedOut) await inspection.isAnonymous('a logout', cookie, frozen)
    },
  }),
  peerRow({
    number: '11',
    title: 'the clock of a node jumps two hours ahead, and back',
    expected: 'its health says so, the others go on; nothing is lost',
    inspect: async (inspection, nodes, [first, second, off]) => {
      const logins = await logInMany(inspection)
      await off.get(`/clock?ahead=${TWO_HOURS_MS}`)
      await until('its health says so', async () => (await off.get('/health')).body.includes('clock'))
      for (const app of [first, second]) {
        inspection.check('the others are well', (await app.get('/health')).status === 200)
        for (const { cookie } of logins) await untilOk(inspection, '/add?field=meanwhile', cookie, app)
      }
      const later = await logInMany(inspection)
      await off.get('/clock?ahead=0')
      await until('it is well again', async () => (await off.get('/health')).status === 200)
      for (const app of nodes.apps) {
        for (const { cookie } of logins) await inspection.serves('a change', cookie, 'meanwhile', app)
        for (const { cookie } of later) await inspection.serves('a login meanwhile', cookie, 'userId', app)
      }
    },
  }),
  loadRow({
    number: '13',
    title: 'a rolling restart of all three: SIGTERM, drain, close, start',
    expected: { peer: 'no request fails, nobody is logged out' },
    strike: async (_, run, { target: { nodes } }) => {
      for (const app of nodes?.apps ?? []) {
        await app.leave()
        await app.restart()
        await run.served()
      }
      run.over()
    },
    cost: { refusals: 'none' },
  }),
  peerRow({
    number: '13b',
    title: 'a node leaves: SIGTERM, drain, close',
    expected: 'when it is gone each session has its copies on the others',
    inspect: async (inspection, nodes, [first, second, leaving]) => {
      const logins = await logInMany(inspection, 2 * SESSIONS)
      await leaving.leave()
      for (const { id } of logins) {
        const held = await Promise.all([first, second].map((app) => ownMemoryOf(app).bytes(id)))
        inspection.check(
          'two copies are left',
          held.every((bytes) => bytes !== undefined),
        )
      }
      for (const { cookie } of logins) await inspection.serves('a session', cookie)
      await leaving.restart()
    },
  }),
  peerRow({
    number: '14',
    title: 'a partition: one node hears nobody, users reach it all the same',
    expected: 'after 3 s without the others both sides serve what they have; at the heal it is joined, a logout wins',
    inspect: async (inspection, nodes, [first, second, alone]) => {
      const logins = await logInMany(inspection, 4 * SESSIONS)
      const [used, ended] = halves(logins)
      nodes.link(2).drop()
      await until('it says that it hears nobody', async () => (await alone.get('/health')).status === 503)
      await until('the others know', async () => (await downsOf(first)) + (await downsOf(second)) === 2)
      await until('it serves alone', async () => {
        const answers = await Promise.all(used.map(({ cookie }) => alone.get('/show', cookie)))
        return answers.some(({ status }) => status === 200)
      })
      let served = 0
      const there = new Set<string>()
      for (const { cookie } of used) {
        await untilOk(inspection, '/add?field=here', cookie, second)
        const { status } = await inspection.ask('/add?field=there', cookie, alone)
        inspection.check(`alone it serves what it has, and no more: ${status}`, status === 200 || status === 503)
        if (status === 200) there.add(cookie)
      }
      for (const [i, { cookie }] of ended.entries()) {
        const [out, change] = i % 2 ? [first, alone] : [alone, first]
        const { status } = await inspection.ask('/logout', cookie, out)
        if (status !== 200) await untilOk(inspection, '/logout', cookie, first)
        else if (out === alone) served++
        await inspection.ask('/add?field=after', cookie, change)
      }
      inspection.check('alone it serves changes', there.size > 0)
      inspection.check('alone it serves logouts', served > 0)
      await nodes.settled()
      for (const app of nodes.apps) {
        for (const { cookie } of used) {
          await inspection.serves('a change of the others', cookie, 'here', app)
          if (there.has(cookie)) await inspection.serves('a change of the lonely one', cookie, 'there', app)
        }
        for (const { cookie } of ended) await inspection.isAnonymous('who logged out on one side', cookie, app)
      }
      inspection.note = `alone it served ${there.size} of ${used.length}`
    },
  }),
  peerRow({
    number: '14b',
    title: 'two nodes do not hear each other, the third hears both',
    expected: 'all three serve all sessions, nothing is stale; nothing is lost at the heal',
    inspect: async (inspection, nodes, [first, second, third]) => {
      const [used, ended] = halves(await logInMany(inspection, 2 * SESSIONS))
      nodes.between(1, 2).drop()
      await until('both know', async () => (await downsOf(second)) + (await downsOf(third)) === 2)
      for (const app of [second, third, first]) {
        const field = `by${nodes.apps.indexOf(app)}`
        for (const { cookie } of used) {
          const { status } = await inspection.ask(`/add?field=${field}`, cookie, app)
          inspection.check(`a change is stored, not ${status}`, status === 200)
          for (const other of nodes.apps) await inspection.serves('a change elsewhere', cookie, field, other)
        }
      }
      for (const [i, { cookie }] of ended.entries()) {
        const { status } = await inspection.ask('/logout', cookie, i % 2 ? second : third)
        inspection.check(`a logout is stored, not ${status}`, status === 200)
        for (const app of nodes.apps) await inspection.isAnonymous('a logout elsewhere', cookie, app)
      }
      await nodes.settled()
      for (const app of nodes.apps) {
        for (const { cookie } of used)
          for (const field of ['by0', 'by1', 'by2']) await inspection.serves('a change', cookie, field, app)
        for (const { cookie } of ended) await inspection.isAnonymous('a logout', cookie, app)
      }
    },
  }),
  peerRow({
    number: '23',
    title: 'a node starts with a wrong secret',
    expected: 'it is refused, which each says once; the others go on, nobody is logged out by it',
    inspect: async (inspection, nodes, [first, second, wrong]) => {
      const logins = await logInMany(inspection)
      await wrong.kill()
      await wrong.restart({}, { env: { HOLDFAST_PEER_SECRET: 'another secret as long as the right one' } })
      inspection.check('it is not well', (await wrong.get('/health')).status === 503)
      for (const { cookie } of logins) {
        for (const app of [first, second]) await untilOk(inspection, '/add?field=meanwhile', cookie, app)
        const { status } = await inspection.ask('/show', cookie, wrong)
        inspection.check(`it cannot tell, and does not say that there is no session: ${status}`, status === 503)
      }
      for (const app of nodes.apps) {
        const said = Object.entries(await eventsOf(app)).filter(([code]) => code.startsWith('HOLDFAST_PEER_SECRET'))
        inspection.check(
          `each says so once: ${JSON.stringify(said)}`,
          said.length > 0 && said.every(([, count]) => count === 1),
        )
      }
      await wrong.kill()
      await wrong.restart()
      await nodes.settled()
      for (const app of nodes.apps)
        for (const { cookie } of logins) await inspection.serves('a change', cookie, 'meanwhile', app)
    },
  }),
  peerRow({
    number: '24',
    title: 'a peer floods the others and reads no answers; strangers send garbage',
    expected: 'the peer is cut off, the strangers are not let in; the others go on',
    inspect: async (inspection, nodes, [first, second, gone], { holdMs }) => {
      const logins = await logInMany(inspection)
      await gone.kill()
      const node = nodes.nodes[2] as PeerNodes['nodes'][number]
      const flooding = await startFloodingPeer({ ...node, names: nodes.nodes.map(({ self }) => self) }, PEER_SECRET)
      const strangers = Array.from({ length: 200 }, () => strangerAt(nodes.nodes[0]?.listen ?? ''))
      const held = sleep(holdMs)
      await Promise.all(
        logins.map(({ cookie }, i) => untilOk(inspection, '/add?field=meanwhile', cookie, i % 2 ? first : second)),
      )
      await until('each of the others has cut it off', () => flooding.ended >= 2)
      await held
      for (const end of strangers) end()
      await flooding.stop()
      inspection.note = `cut off ${flooding.ended} times`
      await gone.restart()
      await nodes.settled()
      for (const app of nodes.apps)
        for (const { cookie } of logins) await inspection.serves('a change', cookie, 'meanwhile', app)
    },
  }),
]

const halves = <T>(list: readonly T[]): [T[], T[]] => [
  list.filter((_, i) => i % 2 === 0),
  list.filter((_, i) => i % 2 === 1),
]

const logInMany = (inspection: Inspection, count = SESSIONS): Promise<Login[]> =>
  Promise.all(Array.from({ length: count }, () => inspection.logIn()))

const eventsOf = async (app: AppProcess): Promise<Readonly<Record<string, number>>> => (await app.report()).events

const downsOf = async (app: AppProcess): Promise<number> =>
  (await reportOf(app)).status.peers.filter(({ state }) => state === 'down').length

/** While a node does not know yet that another one is gone, a request may get a 503. */
async function untilOk(inspection: Inspection, path: string, cookie: string, app: AppProcess): Promise<void> {
  await until(`${path} is acknowledged`, async () => (await inspection.ask(path, cookie, app)).status === 200, 5_000)
}

/** Sends no TLS, and then nothing. Gives what ends it. */
function strangerAt(address: string): () => void {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host, () => socket.write('GET / HTTP/1.1\r\n\r\n'))
  socket.on('error', () => {})
  return () => socket.destroy()
}
