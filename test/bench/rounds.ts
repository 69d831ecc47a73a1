import type { Contestant, Round } from './contestant.js'

export interface Effort {
  readonly rounds: number
  readonly requests: number
  /** V8 optimises a server during its first thousands of requests. */
  readonly warmUp: number
  readonly connections: number
}

/** The apps take turns within each round, so that whatever else the machine does meets all of them alike. */
export async function takeTurns<Name extends string>(
  contestants: Readonly<Record<Name, Contestant>>,
  path: string,
  { rounds, requests, warmUp, connections }: Effort,
): Promise<Record<Name, Round[]>> {
  const apps = Object.keys(contestants) as Name[]
  const measured = Object.fromEntries(apps.map((app) => [app, [] as Round[]])) as Record<Name, Round[]>
  for (const app of apps) await contestants[app].measure(path, warmUp, connections)
  for (let round = 0; round < rounds; round++) {
    for (const app of apps) measured[app].push(await contestants[app].measure(path, requests, connections))
  }
  return measured
}
