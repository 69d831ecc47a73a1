// #region cluster
import cluster from 'node:cluster'

const port = Number(process.env.PORT ?? 3000)
let isLeaving = false

if (cluster.isPrimary) {
  for (const [index, node] of ['a', 'b', 'c'].entries()) start(node, port + index)
  process.once('SIGTERM', () => {
    isLeaving = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
  })
} else {
  await import('./sticky-express.js')
}

/** A worker that ended gets a successor with its name and its port. */
function start(node: string, port: number): void {
  const worker = cluster.fork({ NODE_NAME: node, PORT: port })
  worker.once('exit', () => {
    if (!isLeaving) setTimeout(start, 1_000, node, port)
  })
}
// #endregion cluster
