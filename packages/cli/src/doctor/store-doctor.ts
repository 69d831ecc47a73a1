import { ConfigError, type Diagnosis, diagnoses, type Finding, type SessionStore } from '@holdfast/core'
import { withStore } from '../run.js'

const INSTEAD = 'Give the address of the app instead: doctor https://shop.example.com.'
/** A request makes two or three calls, and each is given up at 250 ms. */
const SLOW_MS = 50
const TOO_SLOW_MS = 125

/** Connects to the store of a URL and looks at its servers. `absoluteMs`: the longest that a session may live. */
export async function diagnoseStore(url: string, absoluteMs: number): Promise<Diagnosis> {
  let diagnosis: Diagnosis | undefined
  const ask = async (store: SessionStore): Promise<void> => {
    if (!diagnoses(store)) throw new ConfigError(`The store '${store.name}' cannot say how its servers are set up.`)
    diagnosis = await store.diagnose()
  }
  await withStore(url, async () => {}, { ask, absoluteMs, instead: INSTEAD })
  const { servers, findings } = diagnosis as unknown as Diagnosis
  return { servers, findings: [...speedFindings({ servers, findings }), ...findings] }
}

const speedFindings = ({ servers }: Diagnosis): readonly Finding[] =>
  servers
    .filter(({ roundTripMs }) => roundTripMs > SLOW_MS)
    .map(({ server, roundTripMs }) => ({
      code: 'HOLDFAST_ROUND_TRIP',
      level: roundTripMs > TOO_SLOW_MS ? 'wrong' : 'advice',
      message: `an answer of the server takes ${Math.round(roundTripMs)} ms from here. A request asks two or three times, and a call is given up after 250 ms. Run the app and its store in one place; where it is fast from there, this is no finding.`,
      servers: [server],
    }))
