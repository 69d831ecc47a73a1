import type { Client } from 'hazelcast-client'

/** Where the client comes from: the app's, or one that is opened here. */
export interface ClientSource {
  /** The one that is connected, as far as is known. */
  readonly now: Client | undefined
  /** Resolves when there is one, however long that takes. */
  get(): Promise<Client>
  /** Why there is none. */
  readonly failure: unknown
  /** Calls the listener with each client, the one that is there first; returns what ends that. */
  onClient(listener: (client: Client) => void): () => void
  close(): Promise<void>
}

/** The app's client, which stays open. */
export const givenClient = (client: Client): ClientSource => ({
  now: client,
  get: async () => client,
  failure: undefined,
  onClient(listener) {
    listener(client)
    return () => {}
  },
  close: async () => {},
})
