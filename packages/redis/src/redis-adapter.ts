import type { StoreAdapter } from '@holdfast/core'

export const redis: StoreAdapter = {
  name: 'redis',
  schemes: ['redis', 'rediss', 'redis+sentinel', 'redis+cluster'],
  open: () => {
    throw new Error('to be written')
  },
}
