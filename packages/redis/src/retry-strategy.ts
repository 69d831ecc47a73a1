/** Ms to the next attempt: at once after a break, then slower; a server that is back is found within half a second. */
export const retryStrategy = (attempt: number): number => Math.min(5 * 2 ** attempt, 400) + Math.random() * 100
