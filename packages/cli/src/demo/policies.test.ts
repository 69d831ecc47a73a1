import { describe, expect, test } from 'vitest'
import { roundRobin, stickyByAddress, stickyByCookie, type RoutedRequest } from './policies.js'

const all = ['A', 'B', 'C']
const from = (address: string, route?: string): RoutedRequest => ({ address, route })
const addresses = Array.from({ length: 200 }, (_, index) => `203.0.113.${index}`)

describe('round-robin', () => {
  test('takes the servers in turn, whoever asks', () => {
    const pick = roundRobin()
    expect([1, 2, 3, 4].map(() => pick(from('192.0.2.1', 'C'), all))).toEqual(['A', 'B', 'C', 'A'])
  })

  test('passes over a server that is gone', () => {
    const pick = roundRobin()
    expect([1, 2, 3, 4].map(() => pick(from('192.0.2.1'), ['A', 'C']))).toEqual(['A', 'C', 'A', 'C'])
  })

  test('two of them do not share their turn', () => {
    const [one, other] = [roundRobin(), roundRobin()]
    expect([one(from('192.0.2.1'), all), other(from('192.0.2.1'), all)]).toEqual(['A', 'A'])
  })
})

describe('sticky by cookie', () => {
  test('a visitor returns to the server that the cookie names', () => {
    const pick = stickyByCookie()
    expect([1, 2, 3].map(() => pick(from('192.0.2.1', 'B'), all))).toEqual(['B', 'B', 'B'])
  })

  test('visitors without a cookie are spread in turn', () => {
    const pick = stickyByCookie()
    expect([1, 2, 3].map(() => pick(from('192.0.2.1'), all))).toEqual(['A', 'B', 'C'])
  })

  test('a cookie that names a dead or an invented server counts as none', () => {
    const pick = stickyByCookie()
    expect(pick(from('192.0.2.1', 'B'), ['A', 'C'])).toBe('A')
    expect(pick(from('192.0.2.1', '__proto__'), ['A', 'C'])).toBe('C')
  })
})

describe('sticky by client IP', () => {
  const pick = stickyByAddress()

  test('one address always gets the same server, whatever its cookies say', () => {
    for (const address of addresses) expect(pick(from(address, 'A'), all)).toBe(pick(from(address, 'B'), all))
  })

  test('many addresses use every server', () => {
    const counts = all.map((name) => addresses.filter((address) => pick(from(address), all) === name).length)
    for (const count of counts) expect(count).toBeGreaterThan(addresses.length / 5)
  })

  test('when a server dies only its own visitors move, and they return with it', () => {
    for (const address of addresses) {
      const before = pick(from(address), all)
      const meanwhile = pick(from(address), ['A', 'C'])
      expect(meanwhile).toBe(before === 'B' ? meanwhile : before)
      expect(meanwhile).not.toBe('B')
    }
  })
})

test('no policy picks a server where there is none', () => {
  for (const policy of [roundRobin, stickyByCookie])
    expect(() => policy()(from('192.0.2.1'), [])).toThrow('live server')
})
