import { describe, expect, test } from 'vitest'
import { configFindings } from './member-config.js'

const MAP = `<merge-policy batch-size="100">DiscardMergePolicy</merge-policy>
  <backup-count>1</backup-count><split-brain-protection-ref>majority</split-brain-protection-ref>
  <eviction size="2147483647" max-size-policy="PER_NODE" eviction-policy="NONE"/>`
const PROPERTIES = '<properties><property name="hazelcast.max.no.heartbeat.seconds">10</property></properties>'
const protection = (least = 2, protects = 'READ_WRITE', enabled = true): string =>
  `<split-brain-protection name="majority" enabled="${enabled}">
    <minimum-cluster-size>${least}</minimum-cluster-size><protect-on>${protects}</protect-on></split-brain-protection>`

/** As a member prints its configuration. */
const config = (maps: Readonly<Record<string, string>>, rest = protection()): string =>
  `<hazelcast>${PROPERTIES}${Object.entries(maps)
    .map(([name, body]) => `<map name="${name}">${body}</map>`)
    .join('\n')}${rest}</hazelcast>`

const codes = (xml: string, members = 3): readonly string[] =>
  configFindings(xml, 'sessions', members).map(({ code }) => code.replace('HOLDFAST_HAZELCAST_', ''))

describe('the configuration of a member', () => {
  test('as the docs have it is right', () => {
    expect(codes(config({ sessions: MAP }))).toEqual([])
  })

  test('is that of the map by name, else of the closest pattern, else of default, as Hazelcast chooses', () => {
    const bad = '<backup-count>0</backup-count>'
    expect(codes(config({ default: bad, 's*': bad, 'sess*': MAP, other: bad }))).toEqual([])
    expect(codes(config({ 'sess*': bad, sessions: MAP }))).toEqual([])
    expect(codes(config({ 'sessions*': bad, '*ns': MAP }))).toContain('BACKUPS')
    expect(codes(config({ default: MAP, 'session*x': bad }))).toEqual([])
    expect(codes(config({}))).toEqual(['MERGE_POLICY', 'SPLIT_BRAIN'])
  })

  test.each([
    ['too small', 3, protection(1), /minimum-cluster-size 1 of 3 members.*minimum-cluster-size: 2/],
    ['too small for five', 5, protection(2), /minimum-cluster-size 2 of 5 members.*minimum-cluster-size: 3/],
    ['for writes alone', 3, protection(2, 'WRITE'), /protect-on WRITE, so the smaller part .* still answers/],
    ['off', 3, protection(2, 'READ_WRITE', false), /split-brain-protection majority .* is not enabled/],
    ['another one', 3, protection().replace('majority', 'other'), /split-brain-protection majority .* is not enabled/],
  ])('has a split-brain-protection that is %s', (_, members, rest, message) => {
    const findings = configFindings(config({ sessions: MAP }, rest), 'sessions', members)
    expect(findings).toEqual([
      { code: 'HOLDFAST_HAZELCAST_SPLIT_BRAIN', level: 'wrong', message: expect.stringMatching(message) },
    ])
  })
})
