import { headersSentError, isHttp2, type NodeResponse } from './hold-head.js'

type FixedResponse = NodeResponse & { [FIXED]: FixedHead }
type Setters = Pick<NodeResponse, 'setHeader' | 'appendHeader' | 'removeHeader' | '_implicitHeader'>

const FIXED = Symbol('holdfast.fixed-head')

/**
 * Makes a response look as if the head that it has now were sent. Without it a second answer, or an error handler after
 * the first one, changes the status and the headers (the length!) of a body that is held already.
 */
export class FixedHead {
  inForce = true
  readonly below: Setters
  private readonly status: number
  private readonly reason: string

  constructor(
    private readonly res: NodeResponse,
    /** Whether the body is complete. */
    readonly isEnded: () => boolean,
  ) {
    const { setHeader, appendHeader, removeHeader, _implicitHeader } = res
    this.below = { setHeader, appendHeader, removeHeader, _implicitHeader }
    this.status = res.statusCode
    this.reason = isHttp2(res) ? '' : res.statusMessage
    Object.assign(res, { [FIXED]: this }, SETTERS)
    Object.defineProperty(res, 'headersSent', HEADERS_SENT)
    Object.defineProperty(res, 'writableEnded', WRITABLE_ENDED)
  }

  /**
   * From here on the response looks as it is, with the status and the reason of the fixed head. What was put on it stays:
   * to delete properties again costs twenty times as much (8 µs), since V8 then keeps the response as a dictionary.
   */
  release(): void {
    this.inForce = false
    this.res.statusCode = this.status
    if (!isHttp2(this.res)) this.res.statusMessage = this.reason
  }
}

const setter = (name: Exclude<keyof Setters, '_implicitHeader'>) =>
  function (this: FixedResponse, ...args: unknown[]): unknown {
    const { inForce, below } = this[FIXED]
    if (inForce) throw headersSentError()
    return below[name].apply(this, args)
  }

const SETTERS: Setters & ThisType<FixedResponse> = {
  setHeader: setter('setHeader'),
  appendHeader: setter('appendHeader'),
  removeHeader: setter('removeHeader'),
  // compression up to 1.7 calls it for every chunk, as long as Node's `_header` is not there.
  _implicitHeader() {
    const { inForce, below } = this[FIXED]
    if (!inForce) below._implicitHeader?.call(this)
  },
}

const inNode = (res: object, name: string): unknown => Reflect.get(Object.getPrototypeOf(res) as object, name, res)

const HEADERS_SENT: PropertyDescriptor & ThisType<FixedResponse> = {
  configurable: true,
  get() {
    return this[FIXED].inForce || inNode(this, 'headersSent')
  },
}

const WRITABLE_ENDED: PropertyDescriptor & ThisType<FixedResponse> = {
  configurable: true,
  get() {
    const { inForce, isEnded } = this[FIXED]
    return inForce ? isEnded() : inNode(this, 'writableEnded')
  },
}
