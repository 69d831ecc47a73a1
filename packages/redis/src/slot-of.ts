const SLOTS = 16_384
/** CRC-16/XMODEM: the polynomial that the specification of Redis Cluster names. */
const POLYNOMIAL = 0x1021

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  return crc
})

/** The slot of Redis Cluster for a key of ASCII characters without `{`: such keys have no hash tag. */
export function slotOf(key: string): number {
  let crc = 0
  for (let i = 0; i < key.length; i++) crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ key.charCodeAt(i)] as number)
  return crc % SLOTS
}
