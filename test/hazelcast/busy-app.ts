import { existsSync } from 'node:fs'
import { createKey } from '@holdfast/conformance'
import { hazelcast } from '@holdfast/hazelcast'
import { until } from '../servers/until.js'

/**
 * An app that is busy, and asks for sessions before it has heard what happened meanwhile: its event loop stands still until
 * there is a file. Arguments: the URL of the store, and that file.
 */
const [url = '', file = ''] = process.argv.slice(2)
const store = await hazelcast.open(url, { clock: Date.now, idleMs: 1, absoluteMs: 1 })
const keys = Array.from({ length: 30 }, createKey)
const readAll = (): Promise<unknown> => Promise.all(keys.map((key) => store.read(key)))
const isServed = async (): Promise<boolean> => (await readAll()) !== undefined

await until('the store answers', isServed)
console.log('stands still')
const nobody = new Int32Array(new SharedArrayBuffer(4))
while (!existsSync(file)) Atomics.wait(nobody, 0, 0, 25)
const refused = String(await readAll().catch((error: unknown) => error))
setTimeout(() => console.log(`goes on: ${refused}`), 1_000)
await until('the store answers again', isServed, 120_000)
console.log('is served again')
await store.close()
