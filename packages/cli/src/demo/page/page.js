// @ts-check
/* global document, matchMedia, EventSource, fetch */
/** @import { ApproachState, DemoState, MoveState, RequestState, ServerState, SessionServersState, SessionServerState, VisitorState } from '../state.js' */

const STRIP_LENGTH = 60

const resultWords = { kept: 'still signed in', lost: 'login lost', 'signed-in': 'signs in', failed: 'answered 503' }
const loginWords = { in: 'signed in', out: 'signed out', unknown: 'got a 503' }

/** @type {Record<SessionServerState['status'], readonly [pause: string, end: string]>} What its two buttons do; none when it is not the demo's. */
const sessionServerActions = {
  running: ['freeze', 'kill'],
  frozen: ['thaw', 'kill'],
  stopped: ['', 'restart'],
  starting: ['', ''],
  given: ['', ''],
}

const phases = ['off', 'shadow', 'switch', 'drain', 'done']

const stillness = matchMedia('(prefers-reduced-motion: reduce)')

/** @type {Map<string, HTMLElement>} The elements of approaches, servers, visitors and rows, by kind and name. */
const drawn = new Map()
let lastRequest = 0
let lastApproach = ''

/** @type {Record<string, () => void>} */
const buttons = {
  traffic: () => press(byId('traffic').dataset['action'] ?? 'pause'),
  burst: () => press('burst'),
  'sign-in': () => press('sign-in'),
}
for (const [id, onPress] of Object.entries(buttons)) byId(id).addEventListener('click', onPress)

const events = new EventSource('/demo/events')
events.addEventListener('message', ({ data }) => draw(JSON.parse(data)))
events.addEventListener('error', () => {
  document.body.dataset['tone'] = 'bad'
  say('verdict', 'The demo has stopped.')
  say('explanation', 'This page comes back to life when you start it again.')
})

/** @param {DemoState} state */
function draw(state) {
  const places = visitorPlaces(state)
  document.body.dataset['tone'] = state.verdict.tone
  say('verdict', state.verdict.headline)
  say('explanation', state.verdict.line)
  say('notice', state.notice)
  drawFigures(state)
  for (const approach of state.approaches) drawApproach(approach, state.approach)
  lastApproach = state.approach
  drawMove(state)
  for (const server of state.servers) drawServer(server)
  drawSessionServers(state)
  for (const visitor of state.visitors) drawVisitor(visitor)
  for (const request of state.requests) if (request.id > lastRequest) drawRequest(request, state.servers)
  glide(places)
}

/** @param {DemoState} state */
function drawFigures({ approach, approaches, visitors, traffic }) {
  const score = approaches.find(({ id }) => id === approach)?.score
  say('kept', String(score?.kept ?? 0))
  say('lost', String(score?.lost ?? 0))
  say('failed', String(score?.failed ?? 0))
  say('signed-in', `${visitors.filter(({ login }) => login === 'in').length} of ${visitors.length}`)
  byId('traffic').dataset['action'] = traffic === 'running' ? 'pause' : 'run'
  say('traffic', traffic === 'running' ? 'Pause' : 'Resume')
}

/**
 * @param {ApproachState} approach
 * @param {string} chosen
 */
function drawApproach({ id, title, line, isHere, command, score }, chosen) {
  const card = element('approach', id, byId('approaches'), (fresh) => {
    const radio = /** @type {HTMLInputElement} */ (within(fresh, 'input'))
    radio.value = id
    radio.addEventListener('change', () => press('choose', id))
    within(fresh, '.title').textContent = title
    within(fresh, '.line').textContent = line
    radio.disabled = within(fresh, '.outcome').hidden = !isHere
    within(fresh, 'code').hidden = command === undefined
    within(fresh, 'code').textContent = command ?? ''
  })
  // Only a change moves the switch: while a choice is on its way, the page shows what was clicked.
  if (chosen !== lastApproach) /** @type {HTMLInputElement} */ (within(card, 'input')).checked = id === chosen
  const { kept, lost, failed } = score
  const tried = kept + lost + failed
  card.dataset['result'] = tried === 0 ? 'none' : lost === 0 ? 'good' : 'bad'
  within(card, '.meter > span').style.setProperty('--part', String(tried === 0 ? 0 : kept / tried))
  const outages = failed === 0 ? '' : `, ${failed} × 503`
  within(card, '.result').textContent = tried === 0 ? 'not tried yet' : `${lost} lost, ${kept} kept${outages}`
}

/** @param {DemoState} state */
function drawMove(state) {
  const { move, targets, approaches } = state
  const isMoving = move !== undefined && !move.isOver
  byId('move').dataset['state'] = isMoving ? 'moving' : move ? 'over' : 'none'
  say('move-title', isMoving ? `Moving live to: ${move.to}` : 'Or move the running shop, and nobody signs in again')
  drawTally(move)
  forgetOthers('target', targets)
  for (const id of targets) {
    const title = approaches.find((each) => each.id === id)?.title ?? id
    element('target', id, byId('move-targets'), (fresh) => {
      fresh.textContent = `→ ${title}`
      fresh.setAttribute('aria-label', `Move live to ${title}`)
      fresh.addEventListener('click', () => press('move', id))
    })
  }
  byId('move-targets').hidden = targets.length === 0
  byId('phases').hidden = move === undefined
  const reached = move?.isOver ? phases.length : phases.indexOf(move?.phase ?? '')
  for (const [index, phase] of phases.entries()) {
    const step = element('phase', phase, byId('phases'), (fresh) => (fresh.textContent = phase))
    step.dataset['state'] = index < reached ? 'past' : index === reached ? 'now' : 'ahead'
    if (index === reached) step.setAttribute('aria-current', 'step')
    else step.removeAttribute('aria-current')
  }
  say('move-line', move?.line ?? hintOf(state))
}

/** @param {DemoState} state */
function hintOf({ targets, sessionServers, approaches, approach }) {
  if (targets.length > 0)
    return 'The visitors click on meanwhile. The app servers restart one after the other, with the new place in their config.'
  const title = approaches.find(({ id }) => id === approach)?.title
  if (sessionServers === undefined)
    return `Not from “${title}”: what is in the memory of one process ends with it. Choose a way that shares the logins.`
  if (sessionServers.servers.some(({ status }) => status === 'given'))
    return `Not from “${title}”: the demo moves logins between servers that it has started itself.`
  return 'There is no other place here that the servers could share. Install redis-server, and start the demo again.'
}

/** @param {MoveState | undefined} move */
function drawTally(move) {
  byId('move-tally').hidden = move === undefined
  if (move === undefined) return
  byId('move-tally').dataset['result'] = move.lost === 0 ? 'good' : 'bad'
  const failed = move.failed === 0 ? '' : `, ${move.failed} × 503`
  say('move-tally', `${move.lost} lost, ${move.kept} kept meanwhile${failed}`)
}

/** @param {ServerState} server */
function drawServer({ name, framework, status, pid, answered, share, phase }) {
  const card = element('server', name, byId('servers'), (fresh) => {
    within(fresh, 'h3').textContent = `Server ${name}`
    within(fresh, 'button').addEventListener('click', () => pressItsAction(within(fresh, 'button'), name))
  })
  card.dataset['status'] = status
  within(card, '.what').textContent =
    status === 'running' ? `${framework} · process ${pid}` : `${framework} · ${status}`
  within(card, '.phase').hidden = phase === undefined
  within(card, '.phase').textContent = `phase ${phase ?? ''}`
  within(card, '.meter > span').style.setProperty('--part', String(share))
  const recently = `${Math.round(share * 100)} % of recent requests`
  within(card, '.load p').textContent = status === 'running' ? `${recently} · ${answered} in all` : recently
  const button = within(card, 'button')
  button.textContent = { running: 'Kill', starting: 'Starting…', stopped: 'Restart' }[status]
  button.setAttribute('aria-label', `${button.textContent} server ${name}`)
  button.setAttribute('aria-disabled', String(status === 'starting'))
  if (status === 'starting') delete button.dataset['action']
  else button.dataset['action'] = status === 'running' ? 'kill' : 'restart'

  const row = element('row', name, byId('rows'), (fresh) => (fresh.textContent = name))
  row.dataset['status'] = status
}

/** @param {DemoState} state */
function drawSessionServers({ sessionServers: state, move }) {
  byId('session-servers').hidden = state === undefined
  const next = move?.sessionServers
  const servers = [...(state?.servers ?? []), ...(next?.servers ?? [])]
  forgetOthers(
    'session-server',
    servers.map(({ name }) => name),
  )
  if (state === undefined) return
  for (const server of servers) drawSessionServer(server)
  if (next) return drawMovingConfig(state, next)
  const lines = state.config.length === 1 ? 'this one line of their config is' : 'these two lines of their config are'
  say('store-words', `${state.holds} Their code stays as it is; ${lines} new:`)
  say('store-config', state.config.join('\n'))
}

/**
 * While sessions move, the old place is in the config too.
 * @param {SessionServersState} from
 * @param {SessionServersState} to
 */
function drawMovingConfig(from, to) {
  const old = from.config.map((line) => line.replace(/^SESSION_STORE=/, 'SESSION_MIGRATE_FROM='))
  say('store-words', 'Their code stays as it is; their config has both places, until the last phase is over:')
  say(
    'store-config',
    [...to.config, ...old.map((line) => line.replace(/^SESSION_FAILOVER=/, 'SESSION_MIGRATE_FROM_FAILOVER='))].join(
      '\n',
    ),
  )
}

/** @param {SessionServerState} server */
function drawSessionServer({ name, status, pid, address }) {
  const card = element('session-server', name, byId('session-server-list'), (fresh) => {
    within(fresh, 'h3').textContent = name
    for (const button of fresh.querySelectorAll('button'))
      button.addEventListener('click', () => pressItsAction(button, name))
  })
  card.dataset['status'] = status
  const own = pid === undefined ? status : status === 'frozen' ? `frozen · process ${pid}` : `process ${pid}`
  const what = status === 'given' ? `at ${address}, from ${name.toUpperCase()}_URL: not the demo’s to kill` : own
  within(card, '.what').textContent = what
  const [pause, end] = sessionServerActions[status]
  labelAction(within(card, '.pause'), pause, name)
  labelAction(within(card, '.end'), end, name)
}

/**
 * @param {HTMLElement} button
 * @param {string} action
 * @param {string} of
 */
function labelAction(button, action, of) {
  button.hidden = action === ''
  button.dataset['action'] = action
  button.textContent = action.slice(0, 1).toUpperCase() + action.slice(1)
  button.setAttribute('aria-label', `${button.textContent} ${of}`)
}

/** @param {VisitorState} visitor */
function drawVisitor({ name, address, login, server }) {
  if (server === undefined) return
  const list = within(/** @type {HTMLElement} */ (drawn.get(`server ${server}`)), '.visitors')
  const chip = element('visitor', name, list, (fresh) => {
    within(fresh, '.face').textContent = name.slice(0, 1)
    within(fresh, '.name').textContent = name
    fresh.title = `${name}, from ${address}`
  })
  if (chip.parentElement !== list) list.append(chip)
  chip.dataset['login'] = login
  within(chip, '.login').textContent = loginWords[login]
}

/**
 * @param {RequestState} request
 * @param {readonly ServerState[]} servers
 */
function drawRequest({ id, visitor, server, result }, servers) {
  lastRequest = id
  const fresh = copyOf('request')
  const dot = within(fresh, '.dot')
  fresh.dataset['id'] = String(id)
  fresh.dataset['server'] = server ?? ''
  fresh.dataset['result'] = dot.dataset['result'] = result
  dot.textContent = visitor.slice(0, 1)
  fresh.style.setProperty(
    '--row',
    String(
      Math.max(
        0,
        servers.findIndex(({ name }) => name === server),
      ) + 1,
    ),
  )
  within(fresh, '.said').textContent =
    `${visitor}, ${server === undefined ? '' : `server ${server}, `}${resultWords[result]}`
  const strip = byId('requests')
  strip.append(fresh)
  while (strip.children.length > STRIP_LENGTH) strip.firstElementChild?.remove()
}

/** @param {DemoState} state */
function visitorPlaces({ visitors }) {
  return visitors.flatMap(({ name }) => {
    const chip = drawn.get(`visitor ${name}`)
    return chip === undefined ? [] : [{ chip, from: chip.getBoundingClientRect() }]
  })
}

/**
 * Visitors glide from where they were to where they are now.
 * @param {readonly { chip: HTMLElement, from: DOMRect }[]} places
 */
function glide(places) {
  if (stillness.matches) return
  for (const { chip, from } of places) {
    const to = chip.getBoundingClientRect()
    const [x, y] = [from.x - to.x, from.y - to.y]
    if (x === 0 && y === 0) continue
    chip.animate(
      { transform: [`translate(${x}px, ${y}px)`, 'none'] },
      { duration: 380, easing: 'cubic-bezier(.2, .8, .2, 1)' },
    )
  }
}

/**
 * The element of that kind and name; made from its template when it is new.
 * @param {string} kind
 * @param {string} name
 * @param {HTMLElement} parent
 * @param {(fresh: HTMLElement) => void} prepare
 */
function element(kind, name, parent, prepare) {
  const present = drawn.get(`${kind} ${name}`)
  if (present !== undefined) return present
  const fresh = copyOf(kind)
  prepare(fresh)
  drawn.set(`${kind} ${name}`, fresh)
  parent.append(fresh)
  return fresh
}

/**
 * Takes the elements of that kind from the page whose names are not among these.
 * @param {string} kind
 * @param {readonly string[]} names
 */
function forgetOthers(kind, names) {
  for (const [key, gone] of drawn) {
    if (!key.startsWith(`${kind} `) || names.includes(key.slice(kind.length + 1))) continue
    gone.remove()
    drawn.delete(key)
  }
}

/** @param {string} kind */
function copyOf(kind) {
  const template = /** @type {HTMLTemplateElement} */ (byId(`${kind}-template`))
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true))
}

/**
 * What a button does now is written on it; on some there is nothing for a while.
 * @param {HTMLElement} button
 * @param {string} [of]
 */
function pressItsAction(button, of) {
  const { action } = button.dataset
  if (action) press(action, of)
}

/**
 * @param {string} action
 * @param {string} [of]
 */
function press(action, of) {
  void fetch(of === undefined ? `/demo/${action}` : `/demo/${action}/${encodeURIComponent(of)}`, { method: 'POST' })
}

/**
 * @param {string} id
 * @param {string} text
 */
function say(id, text) {
  const place = byId(id)
  if (place.textContent !== text) place.textContent = text
}

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id))
}

/**
 * @param {ParentNode} parent
 * @param {string} selector
 */
function within(parent, selector) {
  return /** @type {HTMLElement} */ (parent.querySelector(selector))
}
