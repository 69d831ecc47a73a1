import { describe, expect, it } from 'vitest'
import { rendezvous } from './rendezvous.js'

const named = (...names: readonly string[]) => names.map((name) => ({ name }))
const keys = Array.from({ length: 20_000 }, (_, at) => `key-${at}`)
const firstOf = (members: readonly { name: string }[]) => {
  const rank = rendezvous(members)
  return keys.map((key) => rank(key)[0]?.name)
}

describe('rendezvous hashing', () => {
  const three = named('a:11211', 'b:11211', 'c:11211')

  it('gives each member its share, as first and as second', () => {
    const rank = rendezvous(three)
    for (const place of [0, 1]) {
      for (const { name } of three) {
        const share = keys.filter((key) => rank(key)[place]?.name === name).length / keys.length
        expect(share).toBeGreaterThan(0.31)
        expect(share).toBeLessThan(0.36)
      }
    }
  })

  it('spreads the keys of a member that is away over all others', () => {
    const rank = rendezvous(three)
    const seconds = keys.map((key) => rank(key)).filter(([first]) => first?.name === 'a:11211')
    const onB = seconds.filter(([, second]) => second?.name === 'b:11211').length / seconds.length
    expect(onB).toBeGreaterThan(0.46)
    expect(onB).toBeLessThan(0.54)
  })

  it('does not depend on the order of the list', () => {
    expect(firstOf([...three].reverse())).toEqual(firstOf(three))
  })

  it('moves to a new member what it gets, and nothing else', () => {
    const before = firstOf(three)
    const after = firstOf([...three, ...named('d:11211')])
    const moved = after.filter((name, at) => name !== before[at])
    expect(new Set(moved)).toEqual(new Set(['d:11211']))
    expect(moved.length / keys.length).toBeGreaterThan(0.22)
    expect(moved.length / keys.length).toBeLessThan(0.28)
  })
})
