import { createSessions } from '@holdfast/express'
import { peerStore } from '@holdfast/peer'

const store = peerStore({
  self: '10.0.0.1:7946',
  peers: ['10.0.0.1:7946', '10.0.0.2:7946', '10.0.0.3:7946'],
  secret: [process.env.PEER_SECRET, process.env.PEER_SECRET_OLD],
})
const sessions = createSessions({ secret: process.env.SESSION_SECRET, store, affinity: { node: '10-0-0-1-7946' } })

console.log(await store.status(), sessions.health())
