/** What a member of the session throws, as the page's answer. */
export const thrown = (run: () => unknown): string => {
  try {
    run()
    return 'nothing was thrown'
  } catch (error) {
    return (error as Error).message
  }
}

export async function warnings(run: () => Promise<unknown>): Promise<string[]> {
  const codes: string[] = []
  const listen = (warning: Error & { code?: string }) => codes.push(warning.code ?? warning.message)
  process.on('warning', listen)
  await run()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  return codes
}
