import type { SessionRecord } from '@holdfast/core'
import type { Item, ItemVersion } from './memcached-port.js'
import { decode } from './record-text.js'

/** What stood under a key when it was read. As a token on the record it spares the next write a read. */
export class Holding {
  readonly version: ItemVersion
  /** As it is stored, whatever a caller makes of the record that it was given. */
  readonly stored: SessionRecord

  constructor({ text, version }: Item) {
    this.version = version
    this.stored = decode(text)
  }

  get record(): SessionRecord {
    return { ...this.stored, token: this }
  }
}

/** The token of a record that this package has read. */
export const holdingOf = ({ token }: SessionRecord): Holding | undefined =>
  token instanceof Holding ? token : undefined
