import { expect, test } from 'vitest'
import { callFields, documented, outcomes, typed } from '../events/reference.js'

test('the docs have every event, with its fields', () => {
  expect(Object.keys(typed()).length).toBeGreaterThan(25)
  expect(documented()).toEqual(typed())
})

test('the docs have the fields of a call, and every outcome', () => {
  expect(callFields.documented()).toEqual(callFields.typed())
  expect(outcomes.documented()).toEqual(outcomes.typed())
})
