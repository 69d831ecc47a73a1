import { headersSentError, HOLD, isHttp2, type NodeResponse } from './hold-head.js'
import { Layer } from './hold-layer.js'

type FixedResponse = NodeResponse & { [HOLD]: { readonly head: FixedHead } }
type Setters = Pick<NodeResponse, 'setHeader' | 'appendHeader' | 'removeHeader' | '_implicitHeader'>

/**
 * Makes a response look as if the head that it has now were sent. Without it a second answer, or an error handler after
 * the first one, changes the status and the headers (the length!) of a body that is held already.
 */
export class FixedHead {
  inForce = true
  readonly below: Setters
  /** Where Node's own properties are. */
  readonly node: object
  private readonly status: number
  private readonly reason: string

  constructor(
    private readonly res: NodeResponse,
    /** Whether the body is complete. */
    readonly isEnded: () => boolean,
  ) {
    const shared = layer.shared(res)
    const { setHeader, appendHeader, removeHeader, _implicitHeader } = res
    this.below = shared ?? { setHeader, appendHeader, removeHeader, _implicitHeader }
    this.node = shared ?? (Object.getPrototypeOf(res) as object)
    this.status = res.statusCode
    this.reason = isHttp2(res) ? '' : res.statusMessage
    if (!shared) Object.assign(Object.defineProperties(res, GETTERS), SETTERS)
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
    const { inForce, below } = this[HOLD].head
    if (inForce) throw headersSentError()
    return below[name].apply(this, args)
  }

const SETTERS: Setters & ThisType<FixedResponse> = {
  setHeader: setter('setHeader'),
  appendHeader: setter('appendHeader'),
  removeHeader: setter('removeHeader'),
  // compression up to 1.7 calls it for every chunk, as long as Node's `_header` is not there.
  _implicitHeader() {
    const { inForce, below } = this[HOLD].head
    if (!inForce) below._implicitHeader?.call(this)
  },
}

const nodesOwn = (node: object, name: string, res: object): unknown => Reflect.get(node, name, res)

const GETTERS: PropertyDescriptorMap & ThisType<FixedResponse> = {
  headersSent: {
    configurable: true,
    get() {
      const { inForce, node } = this[HOLD].head
      return inForce || nodesOwn(node, 'headersSent', this)
    },
  },
  writableEnded: {
    configurable: true,
    get() {
      const { inForce, isEnded, node } = this[HOLD].head
      return inForce ? isEnded() : nodesOwn(node, 'writableEnded', this)
    },
  },
}

const layer = new Layer(
  { ...Object.getOwnPropertyDescriptors(SETTERS), ...GETTERS },
  (res) => (res as { [HOLD]?: { readonly head?: FixedHead } })[HOLD]?.head?.below,
)
