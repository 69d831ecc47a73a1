import dns from 'node:dns'

/** Gives this process names of its own for addresses, as `/etc/hosts` gives them to a machine. */
export function useHosts(hosts: Readonly<Record<string, string>>): void {
  const lookup = dns.lookup as (...args: readonly unknown[]) => void
  Object.assign(dns, { lookup: (name: string, ...rest: readonly unknown[]) => lookup(hosts[name] ?? name, ...rest) })
}
