export const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => line && `    ${line}`)

/** What the configuration does, by what decides. */
export const INTRODUCTION = {
  route: [
    '# Each request goes to the first node of its route cookie, while that is away to the second, and else to any. The names',
    "# are those of affinity: { node: 'a' } in createSessions.",
  ],
  ip: ['# Each client address has its node, and another one while that is away.'],
  'round-robin': ['# Requests go to all nodes in turn.'],
} as const
