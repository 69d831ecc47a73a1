import { describe, expect, test } from 'vitest'
import { BadMessageError, frameOf } from './fields.js'
import { helloFrame, parseHello, PROTOCOL_VERSION, refusalOf, type Hello } from './hello.js'

const [A, B, C, D, E] = ['10.0.0.1:7946', '10.0.0.2:7946', '10.0.0.3:7946', '10.0.0.4:7946', '10.0.0.5:7946'] as const

const hello = (name: string, members: readonly string[], parts: Partial<Hello> = {}): Hello => ({
  version: PROTOCOL_VERSION,
  lookingFor: '',
  name,
  members,
  ...parts,
})

/** Both sides have to come to the same answer: it is what each of them prints. */
const refusal = (dialler: Hello, other: Hello): string | undefined => {
  const [here, there] = [refusalOf(dialler, other), refusalOf(other, dialler)]
  expect(here?.code).toBe(there?.code)
  return here?.message
}

test('a hello arrives as it was said', () => {
  const said = hello(A, [A, B, '[::1]:7946'], { lookingFor: B })
  expect(parseHello(helloFrame(said).subarray(4))).toEqual(said)
})

test('of another version only the beginning is read', () => {
  const frame = frameOf(['holdfast peer', 2, A, B, 'something new', true]).subarray(4)
  expect(parseHello(frame)).toEqual({ version: 2, name: A, lookingFor: B, members: [] })
})

test.each([
  ['another service', ['SSH-2.0', 1, A, B, 0]],
  ['a name that is none', ['holdfast peer', 1, 'a\nb', B, 0]],
  ['something that no name can be', ['holdfast peer', 1, A, 'b\n:1', 0]],
  ['a list that is cut off', ['holdfast peer', 1, A, B, 2, A]],
  ['more than a list', ['holdfast peer', 1, A, B, 1, A, A]],
])('no hello: %s', (_, fields) => {
  expect(() => parseHello(frameOf(fields).subarray(4))).toThrow(BadMessageError)
})

describe('two nodes talk when their lists', () => {
  test.each([
    ['are the same', [A, B, C], [A, B, C]],
    ['are in another order', [A, B, C], [C, B, A]],
    ['differ by one that was added', [A, B, C], [A, B, C, D]],
    ['differ by one that was removed', [A, B, C], [A, B]],
    ['differ by one exchanged for another', [A, B, C], [A, B, D]],
  ])('%s', (_, ours, theirs) => {
    expect(refusal(hello(A, ours, { lookingFor: B }), hello(B, theirs))).toBeUndefined()
  })
})

describe('two nodes refuse each other', () => {
  test.each([
    ['two added', [A, B], [A, B, C, D]],
    ['two exchanged', [A, B, C, D], [A, B, E, '10.0.0.6:7946']],
    ['one exchanged and one added', [A, B, C], [A, B, D, E]],
  ])('whose lists differ by more than one name: %s', (_, ours, theirs) => {
    const lists = `that of ${A} is ${ours.join(', ')} and that of ${B} is ${theirs.join(', ')}`
    expect(refusal(hello(A, ours), hello(B, theirs))).toBe(
      `The lists differ by more than one name: ${lists}. Change them by one name at a time.`,
    )
  })

  test('of which one is not in the list of the other', () => {
    const message = `${D} is not in the list of ${A}, which is ${A}, ${B}. Give all nodes the same list.`
    expect(refusal(hello(A, [A, B]), hello(D, [A, B, D]))).toBe(message)
    expect(refusal(hello(D, [A, B, D]), hello(A, [A, B]))).toBe(message)
  })

  test('of which one was looked for under another name', () => {
    const message = `The node at ${B} calls itself ${C}. Its self has to be its name in the lists of the others.`
    expect(refusal(hello(A, [A, B, C], { lookingFor: B }), hello(C, [A, B, C]))).toBe(message)
  })

  test('that have the same name', () => {
    expect(refusal(hello(A, [A, B]), hello(A, [A, B]))).toBe(`Two nodes call themselves ${A}. Give each its own self.`)
  })

  test('of another version, whatever else is new in it', () => {
    const newer = hello(B, [], { version: PROTOCOL_VERSION + 1 })
    expect(refusal(hello(A, [A, B]), newer)).toBe(
      `${B} speaks version 2 of the peer protocol, this node speaks 1. Run the same version of @holdfast/peer on all nodes.`,
    )
  })
})
