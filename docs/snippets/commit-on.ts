import { createSessions } from '@holdfast/koa'

const secret = process.env.SESSION_SECRET

// #region always
createSessions({ secret, commitOn: () => true })
// #endregion always

// #region asked
createSessions({ secret, commitOn: () => false })
// #endregion asked
