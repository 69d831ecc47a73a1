declare module 'connect-memcached' {
  import type session from 'express-session'
  /** A store for express-session on a `memcached` of its own. It brings no types. */
  export default function connectMemcached(library: {
    readonly Store: typeof session.Store
  }): new (options: { readonly hosts: readonly string[] }) => session.Store
}
