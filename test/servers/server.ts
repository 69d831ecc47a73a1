/** A program that tests need and npm does not bring: a browser, a store's server, a balancer. */
export interface Server {
  /** The names under which its program is looked for in `PATH`, best first. */
  readonly commands: readonly string[]
  /** What `apt-get install` needs to bring it on Debian. */
  readonly debianPackages: readonly string[]
}
