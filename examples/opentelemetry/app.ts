import type { AddressInfo } from 'node:net'
import { isStoreUnavailable } from '@holdfast/core'
import { createSessions } from '@holdfast/express'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { detectResources, envDetector } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import express, { type ErrorRequestHandler } from 'express'
import { countSessions } from './metrics.js'

// The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_HEADERS, the detector OTEL_SERVICE_NAME.
const reader = new PeriodicExportingMetricReader({
  exporter: new OTLPMetricExporter(),
  exportIntervalMillis: Number(process.env.OTEL_METRIC_EXPORT_INTERVAL),
  exportTimeoutMillis: Number(process.env.OTEL_METRIC_EXPORT_INTERVAL),
})
const metrics = new MeterProvider({ resource: detectResources({ detectors: [envDetector] }), readers: [reader] })
countSessions(metrics.getMeter('holdfast'))

const sessions = createSessions<{ visits: number }>({
  secret: process.env.SESSION_SECRET,
  store: process.env.SESSION_STORE,
})
const app = express().use(sessions)

app.get('/', (req, res) => {
  const session = sessions.of(req)
  session.visits = (session.visits ?? 0) + 1
  res.json({ visits: session.visits })
})

/** The store is away: nobody knows who this is. No login is dropped for that. */
const onUnavailable: ErrorRequestHandler = (error, _req, res, next) => {
  if (!isStoreUnavailable(error)) return next(error)
  res.status(error.status).set(error.headers).json({ error: 'One moment, please.' })
}
app.use(onUnavailable)

await sessions.ready()
const server = app.listen(Number(process.env.PORT), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}`)
})
process.once('SIGTERM', () => {
  server.close(async () => {
    await sessions.close()
    // What happened since the last export is not lost.
    await metrics.shutdown()
  })
})
