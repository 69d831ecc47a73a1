import { createSessions } from '@holdfast/express'

const secret = process.env.SESSION_SECRET

// #region always
export const savesAlways = createSessions({ secret, commitOn: () => true })
// #endregion always

// #region asked
export const savesWhenAsked = createSessions({ secret, commitOn: () => false })
// #endregion asked
