/** A frame without its length. A longer one is refused before anything of it is kept, and never sent. */
export const FRAME_BYTES = 2 * 1024 * 1024
/** What a connection may send before it is known whose it is. */
export const HELLO_BYTES = 64 * 1024
/** Elements of a list in a message. */
export const LIST_LENGTH = 65_536
/** Calls to a peer that wait for their answers, and requests of a peer that wait for ours. */
export const REQUESTS = 10_000
/** What may wait to be written to a peer. Beyond it calls are refused, those of the peer too. */
export const WAITING_BYTES = 16 * 1024 * 1024
/** The last frame and refusals may wait on top of that; a peer that has not read by then is cut off. */
export const MOST_WAITING_BYTES = 20 * 1024 * 1024
/** From the first byte to the last of TLS and hello. */
export const HANDSHAKE_MS = 2_000
/** Connections of which it is not known yet whose they are: of one address, and of all. */
export const HANDSHAKES = { ofAddress: 64, ofAll: 256 } as const
/** How many of these may begin in a second. */
export const HANDSHAKES_PER_SECOND = { ofAddress: 128, ofAll: 512 } as const
