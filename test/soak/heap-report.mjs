// Loaded by each app of a soak: tells what its heap has after a collection, on the Unix socket that HEAP_SOCKETS names.
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

if (isMainThread && process.argv[1]?.endsWith('app.ts')) {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  const server = createServer((_request, response) => {
    collect()
    response.end(String(process.memoryUsage().heapUsed))
  })
  server.listen(join(process.env['HEAP_SOCKETS'] ?? '', `${process.pid}.sock`))
  server.unref()
}
