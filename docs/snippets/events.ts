import { subscribe } from 'node:diagnostics_channel'

// #region events
subscribe('holdfast:session', (event) => console.log(event)) // { type: 'conflict', rounds: 1, commits: 2 }
subscribe('holdfast:store', (event) => console.log(event)) // { type: 'timeout', store: 'redis', operation: 'read' }
subscribe('holdfast:call', (event) => console.log(event)) // { store: 'redis', operation: 'read', durationMs: 0.4, outcome: 'hit' }
// #endregion events
