import { expect, test } from 'vitest'
import { Scoreboard } from './scoreboard.js'
import type { RequestResult } from './state.js'

function play(board: Scoreboard, approach: string, results: readonly RequestResult[], server?: string): void {
  for (const result of results) board.add(approach, { visitor: 'Mia', server, result, tookMs: 1 })
}

test('counts page views: who signs in has no login to lose, and who gets a 503 has not lost it', () => {
  const board = new Scoreboard()
  play(board, 'round-robin', ['signed-in', 'kept', 'lost', 'signed-in', 'kept', 'kept', 'failed'])
  expect(board.score('round-robin')).toEqual({ kept: 3, lost: 1, failed: 1, keptInARow: 2 })
})

test('each approach has its own score', () => {
  const board = new Scoreboard()
  play(board, 'round-robin', ['kept', 'lost'])
  play(board, 'sticky-cookie', ['kept'])
  expect(board.score('round-robin')).toEqual({ kept: 1, lost: 1, failed: 0, keptInARow: 0 })
  expect(board.score('sticky-cookie')).toEqual({ kept: 1, lost: 0, failed: 0, keptInARow: 1 })
  expect(board.score('sticky-ip')).toEqual({ kept: 0, lost: 0, failed: 0, keptInARow: 0 })
})

test('keeps the newest 60 requests, and their numbers count on', () => {
  const board = new Scoreboard()
  play(board, 'round-robin', Array<RequestResult>(100).fill('kept'))
  expect(board.requests.map(({ id }) => id)).toEqual(Array.from({ length: 60 }, (_, index) => index + 41))
})

test('the load is that of the newest 24 answers, so that a dead server is idle soon', () => {
  const board = new Scoreboard()
  expect(board.share('A')).toBe(0)
  play(board, 'round-robin', Array<RequestResult>(24).fill('kept'), 'B')
  expect(board.share('B')).toBe(1)
  play(board, 'round-robin', Array<RequestResult>(18).fill('kept'), 'A')
  expect([board.share('A'), board.share('B')]).toEqual([0.75, 0.25])
  play(board, 'round-robin', ['failed', 'failed', 'failed'])
  expect(board.share('A')).toBe(0.75)
})
