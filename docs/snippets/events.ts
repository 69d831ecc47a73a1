import { subscribe } from 'node:diagnostics_channel'

// #region events
subscribe('holdfast:session', (event) => console.log(event))
subscribe('holdfast:store', (event) => console.log(event))
// #endregion events
