import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it, vi } from 'vitest'
import { publishSession, publishStore, warnOnce } from './events.js'

describe('events', () => {
  it('reach a subscriber of the channel', () => {
    const heard: unknown[] = []
    const listen = (event: unknown): void => void heard.push(event)
    for (const name of ['holdfast:session', 'holdfast:store']) subscribe(name, listen)
    publishSession({ type: 'conflict', rounds: 2, commits: 3 })
    publishStore({ type: 'evicted', store: 'memory', tombstone: false })
    for (const name of ['holdfast:session', 'holdfast:store']) unsubscribe(name, listen)
    publishSession({ type: 'created' })
    expect(heard).toEqual([
      { type: 'conflict', rounds: 2, commits: 3 },
      { type: 'evicted', store: 'memory', tombstone: false },
    ])
  })
})

describe('warnOnce', () => {
  it('warns once for each code', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockReturnValue()
    for (const code of ['ONE', 'TWO', 'ONE']) warnOnce(code, `about ${code}`)
    expect(emit.mock.calls).toEqual([
      ['about ONE', { type: 'HoldfastWarning', code: 'ONE' }],
      ['about TWO', { type: 'HoldfastWarning', code: 'TWO' }],
    ])
    emit.mockRestore()
  })
})
