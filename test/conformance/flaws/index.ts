import { callFlaws } from './calls.js'
import { conditionFlaws } from './conditions.js'
import type { Flaw } from './flaw.js'
import { lifeFlaws } from './life.js'
import { touchFlaws } from './touches.js'
import { valueFlaws } from './values.js'

export { hangFlaws, sharingFlaws } from './calls.js'
export { conditionFlaws } from './conditions.js'
export { sizeFlaws } from './values.js'
export { touchFlaws } from './touches.js'

/** Found in any store. */
export const flaws: readonly Flaw[] = [...conditionFlaws, ...touchFlaws, ...valueFlaws, ...lifeFlaws, ...callFlaws]
