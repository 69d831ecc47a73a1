/**
 * For each key, the members in its order of preference (rendezvous hashing: each member gets a weight for the key, the
 * heaviest comes first). It depends on the names alone, so that every process agrees, and a member that comes or goes
 * moves only the keys that it has or gets.
 */
export function rendezvous<Member extends { readonly name: string }>(
  members: readonly Member[],
): (key: string) => readonly Member[] {
  const seeded = members.map((member) => ({ member, seed: fnv1a(member.name) }))
  return (key) => {
    const keyHash = fnv1a(key)
    return seeded
      .map(({ member, seed }) => ({ member, weight: mix(keyHash ^ mix(seed ^ Math.imul(keyHash, 0x9e3779b1))) }))
      .sort((a, b) => b.weight - a.weight || (a.member.name < b.member.name ? -1 : 1))
      .map(({ member }) => member)
  }
}

/** The hash FNV-1a of a text, 32 bits; with `seed`, of what gave that followed by the text. */
export function fnv1a(text: string, seed = 0x811c9dc5): number {
  let value = seed
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}

/** The finalizer of MurmurHash3: each bit of the input changes half of those of the result. */
function mix(value: number): number {
  let bits = value ^ (value >>> 16)
  bits = Math.imul(bits, 0x85ebca6b)
  bits ^= bits >>> 13
  bits = Math.imul(bits, 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
