/**
 * Properties that lie over those of a response. Express gives each response a prototype of its app, and V8 gives each such
 * response a hidden class of its own: four methods on it cost 40 µs, a third of a small request. Where there is such a
 * prototype the properties are put there, once, and pass by for responses that they are not in use for.
 */
export class Layer {
  readonly #properties: PropertyDescriptorMap
  readonly #belowOf: (res: object) => object | undefined
  readonly #names: readonly string[]
  readonly #shared = Symbol('holdfast.layer')

  /** `belowOf`: what `shared` gave for this response, if it is in use there. */
  constructor(properties: PropertyDescriptorMap, belowOf: (res: object) => object | undefined) {
    this.#properties = properties
    this.#belowOf = belowOf
    this.#names = Object.keys(properties)
  }

  /**
   * The prototype below the shared properties when a response has them and nobody has put others over them; else undefined:
   * then they must be put on the response itself.
   */
  shared<T extends object>(res: T): T | undefined {
    const app = ((res as Record<symbol, unknown>)[this.#shared] ?? this.#share(res)) as object | undefined
    if (!app) return undefined
    for (let place: object = res; place !== app; place = Object.getPrototypeOf(place) as object)
      if (this.#names.some((name) => Object.hasOwn(place, name))) return undefined
    return Object.getPrototypeOf(app) as T
  }

  #share(res: object): object | undefined {
    const app = appPrototypeOf(res)
    // What somebody else has put there, another copy of this package too, stays.
    if (!app || !Object.isExtensible(app) || this.#names.some((name) => Object.hasOwn(app, name))) return undefined
    const below = Object.getPrototypeOf(app) as object
    const isInUse = (response: object): boolean => this.#belowOf(response) === below
    for (const name of this.#names) {
      const passing = passingBy(name, this.#properties[name] as PropertyDescriptor, below, isInUse)
      Object.defineProperty(app, name, passing)
    }
    Object.defineProperty(app, this.#shared, { value: app })
    return app
  }
}

/**
 * The last prototype before the one of node:http: what all apps of one Express inherit, so that a response keeps it on its
 * way from one mounted app to another. That of `node:http` itself is everybody's.
 */
function appPrototypeOf(res: object): object | undefined {
  let app: object | undefined
  let next = Object.getPrototypeOf(res) as object | null
  for (; next && !Object.hasOwn(next, 'constructor'); next = Object.getPrototypeOf(next) as object | null) app = next
  return next ? app : undefined
}

function passingBy(
  name: string,
  { value, get }: PropertyDescriptor,
  below: object,
  isInUse: (res: object) => boolean,
): PropertyDescriptor {
  if (get) {
    return {
      configurable: true,
      get(this: object) {
        return isInUse(this) ? (get.call(this) as unknown) : (Reflect.get(below, name, this) as unknown)
      },
    }
  }
  type Method = (...args: unknown[]) => unknown
  const ours = value as Method
  const theirs = below as Readonly<Record<string, Method>>
  return {
    configurable: true,
    writable: true,
    value(this: object, ...args: unknown[]) {
      const method = isInUse(this) ? ours : (theirs[name] as Method)
      return method.apply(this, args)
    },
  }
}
