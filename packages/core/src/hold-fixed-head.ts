import { headersSentError, isHttp2, type NodeResponse } from './hold-head.js'

const refuse: PropertyDescriptor = {
  configurable: true,
  value: () => {
    throw headersSentError()
  },
}

const LOOK: Readonly<Record<string, PropertyDescriptor>> = {
  headersSent: { configurable: true, get: () => true },
  setHeader: refuse,
  appendHeader: refuse,
  removeHeader: refuse,
  // compression up to 1.7 calls it for every chunk, as long as Node's `_header` is not there.
  _implicitHeader: { configurable: true, value: () => {} },
}
const CHANGED = [...Object.keys(LOOK), 'writableEnded']

/**
 * Makes a response look as if the head that it has now were sent. Without it a second answer, or an error handler after
 * the first one, changes the status and the headers (the length!) of a body that is held already.
 */
export class FixedHead {
  private readonly status: number
  private readonly reason: string
  private readonly before: (PropertyDescriptor | undefined)[]

  /** `ended` says whether the body is complete. */
  constructor(
    private readonly res: NodeResponse,
    ended: () => boolean,
  ) {
    this.status = res.statusCode
    this.reason = isHttp2(res) ? '' : res.statusMessage
    this.before = CHANGED.map((name) => Object.getOwnPropertyDescriptor(res, name))
    Object.defineProperties(res, LOOK)
    Object.defineProperty(res, 'writableEnded', { configurable: true, get: ended })
  }

  /** Takes the look away; status and reason are again those of the fixed head. */
  restore(): void {
    const { res, before } = this
    CHANGED.forEach((name, i) => {
      if (before[i]) Object.defineProperty(res, name, before[i])
      else Reflect.deleteProperty(res, name)
    })
    res.statusCode = this.status
    if (!isHttp2(res)) res.statusMessage = this.reason
  }
}
