declare module 'koa-redis' {
  interface RedisStore {
    get(key: string): Promise<unknown>
    set(key: string, value: unknown): Promise<void>
    destroy(key: string): Promise<void>
    quit(): Promise<void>
    on(event: 'error', listener: (error: Error) => void): this
  }
  /** A store for koa-session on an ioredis of its own. It brings no types. */
  export default function redisStore(options: { readonly url: string }): RedisStore
}
