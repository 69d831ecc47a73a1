import { createSessions } from '@holdfast/express'
import { isStoreUnavailable } from '@holdfast/core'
import type { ErrorRequestHandler } from 'express'

// #region commit
export const sessions = createSessions({
  secret: process.env.SESSION_SECRET,
  onCommitError(error, _req, res) {
    res.statusCode = isStoreUnavailable(error) ? 503 : 500
    res.setHeader('Content-Type', 'text/html')
    res.end('<h1>We could not keep your change. Please try again.</h1>')
  },
})
// #endregion commit

// #region read
export const storeIsAway: ErrorRequestHandler = (error, _req, res, next) => {
  if (!isStoreUnavailable(error)) return next(error)
  res.status(error.status).set(error.headers).send('<h1>Back in a moment.</h1>')
}
// #endregion read
