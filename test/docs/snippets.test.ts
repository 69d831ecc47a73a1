// The tests that the docs show, run.
import '../../docs/snippets/express-testing.js'
import '../../docs/snippets/koa-testing.js'
