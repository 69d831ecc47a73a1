import type { Finding } from '@holdfast/core'

export const finding = (level: Finding['level'], code: string, message: string): Finding => ({
  code: `HOLDFAST_APP_${code}`,
  level,
  message,
})
