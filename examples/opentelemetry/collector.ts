import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** One line of what was exported, in the JSON of OTLP. */
export interface Point {
  readonly name: string
  readonly unit: string
  readonly attributes: Readonly<Record<string, string | boolean>>
  /** Of a histogram: how many were recorded. */
  readonly value: number
  /** The bounds of the buckets of a histogram. */
  readonly bounds?: readonly number[]
}

/** What stands in for an OpenTelemetry Collector in the test: takes metrics by OTLP over HTTP and keeps the last export. */
export class Collector {
  readonly #server = createServer(async (req, res) => {
    this.#last = pointsOf((await json(req)) as Exported)
    this.exports++
    res.setHeader('Content-Type', 'application/json').end('{}')
  })
  #last: readonly Point[] = []
  exports = 0

  static async start(): Promise<Collector> {
    const collector = new Collector()
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve))
    return collector
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get points(): readonly Point[] {
    return this.#last
  }

  /** The sum over all points that have these attributes. */
  count(name: string, attributes: Point['attributes'] = {}): number {
    const isAsked = (point: Point): boolean =>
      point.name === name && Object.entries(attributes).every(([key, value]) => point.attributes[key] === value)
    return this.#last.filter(isAsked).reduce((sum, { value }) => sum + value, 0)
  }

  stop(): void {
    this.#server.close().closeAllConnections()
  }
}

interface DataPoint {
  readonly attributes: readonly { key: string; value: { stringValue?: string; boolValue?: boolean } }[]
  readonly asInt?: number | string
  readonly asDouble?: number
  readonly count?: number | string
  readonly explicitBounds?: readonly number[]
}

interface Metric {
  readonly name: string
  readonly unit: string
  readonly sum?: { readonly dataPoints: readonly DataPoint[] }
  readonly histogram?: { readonly dataPoints: readonly DataPoint[] }
}

interface Exported {
  readonly resourceMetrics: readonly { readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[] }[]
}

function pointsOf({ resourceMetrics }: Exported): readonly Point[] {
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
  return metrics.flatMap(
    ({ name, unit, sum, histogram }) =>
      (sum ?? histogram)?.dataPoints.map(({ attributes, asInt, asDouble, count, explicitBounds }) => ({
        name,
        unit,
        attributes: Object.fromEntries(
          attributes.map(({ key, value }) => [key, value.stringValue ?? value.boolValue ?? '']),
        ),
        value: Number(count ?? asInt ?? asDouble),
        ...(explicitBounds && { bounds: explicitBounds }),
      })) ?? [],
  )
}
