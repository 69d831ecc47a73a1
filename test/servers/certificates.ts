import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireServer } from './require-server.js'

/** Files of a certificate for 127.0.0.1 and localhost, and the authority that signed it. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  /** The certificate of its authority (PEM), as a client trusts it. */
  readonly ca: string
  readonly caFile: string
}

/** Makes an authority and a certificate that it signed, named after `name`, in `folder`. Needs openssl. */
export async function makeCertificate(folder: string, name: string): Promise<Certificate> {
  const openssl = await requireServer('openssl')
  if (!openssl) throw new Error('openssl is missing; ask requireServer before this is called.')
  const file = (end: string): string => join(folder, `${name}${end}`)
  const run = (...args: readonly string[]) => promisify(execFile)(openssl, args)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  const extensions = 'subjectAltName=IP:127.0.0.1,DNS:localhost'
  await writeFile(file('.ext'), extensions)
  const subject = (of: string) => ['-subj', `/CN=${name} ${of}`]
  await run('req', '-x509', ...key, ...subject('authority'), '-keyout', file('-ca.key'), '-out', file('-ca.crt'))
  await run('req', '-new', ...key.slice(0, -2), ...subject('server'), '-keyout', file('.key'), '-out', file('.csr'))
  const signing = ['-CA', file('-ca.crt'), '-CAkey', file('-ca.key'), '-CAcreateserial', '-days', '30']
  await run('x509', '-req', '-in', file('.csr'), ...signing, '-extfile', file('.ext'), '-out', file('.crt'))
  return {
    certFile: file('.crt'),
    keyFile: file('.key'),
    caFile: file('-ca.crt'),
    ca: await readFile(file('-ca.crt'), 'utf8'),
  }
}
