/** The app servers of the shop. */
export const fleet = [
  { name: 'A', framework: 'Koa', module: 'shop-koa' },
  { name: 'B', framework: 'Express', module: 'shop-express' },
  { name: 'C', framework: 'Koa', module: 'shop-koa' },
] as const

/** The visitors, at addresses that RFC 5737 sets aside for examples. */
export const people = [
  ['Mia', '192.0.2.11'],
  ['Noah', '192.0.2.14'],
  ['Olga', '192.0.2.42'],
  ['Pia', '198.51.100.23'],
  ['Rui', '198.51.100.60'],
  ['Sam', '203.0.113.5'],
] as const
