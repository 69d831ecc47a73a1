import { describe, expect, it } from 'vitest'
import { explain, hasCode, isAnswer, isLost } from './reply-errors.js'

function reply(message: string, args: readonly string[] = []): Error {
  const error = Object.assign(new Error(message), { command: { name: 'auth', args } })
  error.name = 'ReplyError'
  return error
}

describe('errors of Redis', () => {
  it.each([
    [
      "OOM command not allowed when used memory > 'maxmemory'. script: 4f, on @user_script:9.",
      /maxmemory.*more memory/,
    ],
    ["READONLY You can't write against a read only replica. script: 4f, on @user_script:9.", /a replica now/],
    ['LOADING Redis is loading the dataset in memory', /loads its data/],
    ['CLUSTERDOWN Hash slot not served', /CLUSTER INFO/],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", /lost its master/],
    ['NOREPLICAS Not enough good replicas to write.', /min-replicas-to-write/],
    ['MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.', /disk/],
    ['NOAUTH Authentication required.', /demands a password/],
    ['WRONGPASS invalid username-password pair or user is disabled.', /user or password/],
    ["NOPERM this user has no permissions to run the 'evalsha' command", /\+evalsha/],
  ])('%s: says what to do', (message, advice) => {
    const error = explain('redis: the write failed', reply(message))
    expect(error.message).toMatch(advice)
    expect(error.message).toMatch(/^redis: the write failed: [A-Z]+: /)
    expect(isAnswer(error)).toBe(true)
  })

  it('says of those that stay that the call had no effect, so that it is not offered again and again', () => {
    const refused = (message: string): boolean => explain('x', reply(message)).refused
    expect(
      ['OOM a', 'NOAUTH a', 'WRONGPASS a', 'NOPERM a', 'LOADING a', 'NOREPLICAS a', 'MISCONF a'].every(refused),
    ).toBe(true)
    expect(['READONLY a', 'CLUSTERDOWN a', 'BUSY a', 'ERR a'].some(refused)).toBe(false)
  })

  it('finds a code only as a word', () => {
    expect(hasCode(reply('ERR user_script:1: NOSCRIPT No matching script'), 'NOSCRIPT')).toBe(true)
    expect(hasCode(reply('ERR XOOMX'), 'OOM')).toBe(false)
    expect(hasCode(new Error('OOM'), 'OOM')).toBe(false)
  })

  it('gives away neither what was sent nor who sent it', () => {
    const unknown = "ERR unknown command 'evalsha', with args beginning with: 'ab' '1' 'sess:k' 'hf1 hush'"
    for (const error of [explain('x', reply('WRONGPASS no', ['hush'])), explain('x', reply(unknown, ['hush']))]) {
      const { cause } = error
      expect(JSON.stringify([error.message, String(cause), Object.entries(cause as object)])).not.toContain('hush')
      expect(cause).not.toHaveProperty('command')
    }
  })

  it('keeps the code of an error of the socket', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
    const explained = explain('redis is not connected', error)
    expect(explained).toMatchObject({
      message: 'redis is not connected: connect ECONNREFUSED 127.0.0.1:1',
      refused: false,
    })
    expect(explained.cause).toMatchObject({ code: 'ECONNREFUSED' })
    expect(isAnswer(explained)).toBe(false)
  })

  it('knows a connection that broke under a call, and takes no text of the server for that', () => {
    for (const message of [
      'Connection is closed.',
      'Command aborted due to connection close',
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
      "Stream isn't writeable and enableOfflineQueue options is false",
      "Cluster isn't ready and enableOfflineQueue options is false",
    ]) {
      expect(isLost(new Error(message))).toBe(true)
      expect(isLost(reply(message))).toBe(false)
    }
    expect(isLost(new Error('Command timed out'))).toBe(false)
  })
})
