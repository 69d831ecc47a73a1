import { BadMessageError, frameOf, listFields, readFields } from './fields.js'
import { differByOneAtMost } from './member-list.js'

/** Nodes of another version are refused: raise it when an older node would misunderstand a newer one. */
export const PROTOCOL_VERSION = 1

const MAGIC = 'holdfast peer'

/** The first frame that each side sends. */
export interface Hello {
  readonly version: number
  readonly name: string
  /** The name under which the sender looked for the other; empty where it was found by it. */
  readonly lookingFor: string
  /** All nodes that the sender knows of, itself among them. Empty in a hello of another version. */
  readonly members: readonly string[]
}

export interface Refusal {
  readonly code: 'VERSION' | 'NAME' | 'LIST' | 'CERTIFICATE'
  readonly message: string
}

export const helloFrame = ({ version, name, lookingFor, members }: Hello): Buffer =>
  frameOf([MAGIC, version, name, lookingFor, ...listFields(members, (member) => [member])])

/** The first four fields are the same in every version. Throws what `readFields` throws. */
export function parseHello(frame: Uint8Array): Hello {
  return readFields(frame, (fields) => {
    if (fields.text('magic') !== MAGIC) throw new BadMessageError('it does not begin as a node of Holdfast does')
    const version = fields.whole('version')
    const name = fields.name('name')
    const lookingFor = fields.maybeName('lookingFor')
    if (version !== PROTOCOL_VERSION) return { version, name, lookingFor, members: [] }
    const members = fields.list('members', () => fields.name('member'))
    fields.end()
    return { version, name, lookingFor, members }
  })
}

/** Why the two nodes do not talk to each other. Both sides come to the same answer, each from its own view. */
export function refusalOf(ours: Hello, theirs: Hello): Refusal | undefined {
  if (theirs.version !== ours.version) {
    const versions = `${theirs.name} speaks version ${theirs.version} of the peer protocol, this node speaks ${ours.version}`
    return { code: 'VERSION', message: `${versions}. Run the same version of @holdfast/peer on all nodes.` }
  }
  return nameRefusal(ours, theirs) ?? listRefusal(ours, theirs)
}

const nameRefusal = (ours: Hello, theirs: Hello): Refusal | undefined => {
  if (theirs.name === ours.name)
    return { code: 'NAME', message: `Two nodes call themselves ${ours.name}. Give each its own self.` }
  if (ours.lookingFor && theirs.name !== ours.lookingFor) return misnamed(ours.lookingFor, theirs.name)
  if (theirs.lookingFor && theirs.lookingFor !== ours.name) return misnamed(theirs.lookingFor, ours.name)
  return undefined
}

const misnamed = (lookedFor: string, found: string): Refusal => ({
  code: 'NAME',
  message: `The node at ${lookedFor} calls itself ${found}. Its self has to be its name in the lists of the others.`,
})

const listRefusal = (ours: Hello, theirs: Hello): Refusal | undefined => {
  if (!ours.members.includes(theirs.name)) return unlisted(theirs.name, ours)
  if (!theirs.members.includes(ours.name)) return unlisted(ours.name, theirs)
  if (differByOneAtMost(ours.members, theirs.members)) return undefined
  const lists = `${listed(ours)} and ${listed(theirs)}`
  return {
    code: 'LIST',
    message: `The lists differ by more than one name: ${lists}. Change them by one name at a time.`,
  }
}

const unlisted = (name: string, { name: at, members }: Hello): Refusal => ({
  code: 'NAME',
  message: `${name} is not in the list of ${at}, which is ${members.join(', ')}. Give all nodes the same list.`,
})

const listed = ({ name, members }: Hello): string => `that of ${name} is ${members.join(', ')}`
