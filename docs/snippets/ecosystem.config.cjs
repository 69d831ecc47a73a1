// #region pm2
module.exports = {
  apps: [
    {
      name: 'shop',
      script: './app.js',
      instances: 3,
      exec_mode: 'fork', // each has a port of its own
      increment_var: 'PORT', // 3000, 3001, 3002
      env: { PORT: 3000, NODE_ENV: 'production' },
      kill_timeout: 10_000, // before SIGKILL, for what is in flight
    },
  ],
}
// #endregion pm2
