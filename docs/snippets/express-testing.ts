import express from 'express'
import { createSessions } from '@holdfast/express'
import { expect, test } from 'vitest'

// #region test
let now = Date.now()
const sessions = createSessions<{ userId: string }>({ secret: 'x'.repeat(32), clock: () => now })
const app = express().use(sessions)
app.get('/', (req, res) => {
  res.send(sessions.of(req).userId ?? 'nobody')
})

test('a login ends after 30 idle minutes', async () => {
  const server = app.listen(0)
  const { cookie } = await sessions.create({ userId: 'ada' })
  const { port } = server.address() as { port: number }
  const page = () => fetch(`http://127.0.0.1:${port}/`, { headers: { cookie } }).then((res) => res.text())

  expect(await page()).toBe('ada')
  now += 31 * 60_000
  expect(await page()).toBe('nobody')
  server.close()
})
// #endregion test
