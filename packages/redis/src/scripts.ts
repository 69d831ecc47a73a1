import { createHash } from 'node:crypto'

/** A Lua script; Redis keeps it under its SHA-1 until it restarts or somebody flushes its scripts. */
export interface Script {
  readonly source: string
  readonly sha: string
}

const script = (source: string): Script => ({ source, sha: createHash('sha1').update(source).digest('hex') })

/**
 * `head(text)`: deadline, kind, revision and tag of a value of ours, else nothing; it must agree with `decode`.
 * `comesLater(a, b)`: the order of tags is that of their bytes, as in JavaScript; Lua's `<` would go by the server's locale.
 */
const FUNCTIONS = `
local function head(text)
  local expiresAt, kind, revision, tag = string.match(text, '^hf1 (%d+) (%l+) (%d+) ([^\\n]*)\\n')
  if expiresAt and #expiresAt == 16 and #revision == 16 and (kind == 'live' or kind == 'dead') then
    return tonumber(expiresAt), kind, tonumber(revision), tag
  end
end
local function comesLater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end
`

/**
 * KEYS: the key. ARGV: now, the condition, what the server shall keep the value for in ms, the value, and for `replaces`
 * the revision (16 digits) and tag that it replaces; the last is `1` where a refusal must reach a replica before it is
 * told (see \`ReplicatedWrites\`): what stands is written again then, by its own time to live.
 * Replies 1 (written), else an array: empty (nothing is there) or with the value that is there (`''`: of another type).
 */
export const WRITE = script(`${FUNCTIONS}
local now, condition, ttl, value = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local text = redis.pcall('GET', KEYS[1])
if type(text) == 'table' then
  if not string.find(text.err, 'WRONGTYPE', 1, true) then return text end
  text = ''
end
local expiresAt, kind, revision, tag
if text then expiresAt, kind, revision, tag = head(text) end
local isThere = text and not (expiresAt and expiresAt <= now)
local isAllowed
if not isThere then
  isAllowed = condition ~= 'replaces'
elseif condition == 'replaces' then
  isAllowed = kind ~= 'dead' and (revision or 0) == tonumber(ARGV[5]) and (tag or '') == ARGV[6]
elseif condition == 'newer' then
  local newExpiresAt, newKind, newRevision, newTag = head(value)
  if not kind then
    isAllowed = newKind == 'dead' or newRevision > 0
  elseif newKind ~= kind then
    isAllowed = newKind == 'dead'
  elseif newRevision ~= revision then
    isAllowed = newRevision > revision
  elseif newTag ~= tag then
    isAllowed = comesLater(newTag, tag)
  else
    isAllowed = newExpiresAt > expiresAt
  end
end
if isAllowed then
  redis.call('SET', KEYS[1], value, 'PX', ttl)
  return 1
end
if not isThere then return {} end
if ARGV[7] == '1' then
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
end
return {text}
`)

/**
 * KEYS: the key. ARGV: now, the new deadline (16 digits), what the server shall keep the value for in ms, revision (16
 * digits) and tag. Replies as \`WRITE\` does. Data are moved only where nothing is written.
 */
export const TOUCH = script(`
local now, expiresAt, ttl, revision, tag = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local head = redis.pcall('GETRANGE', KEYS[1], 0, 43 + #tag)
if type(head) == 'table' then
  if not string.find(head.err, 'WRONGTYPE', 1, true) then return head end
  return {''}
end
local isIt = string.sub(head, 1, 4) == 'hf1 ' and string.sub(head, 21) == ' live ' .. revision .. ' ' .. tag .. '\\n'
local current = isIt and tonumber(string.sub(head, 5, 20))
if current and current > now and tonumber(expiresAt) > current then
  redis.call('SETRANGE', KEYS[1], 4, expiresAt)
  redis.call('PEXPIRE', KEYS[1], ttl)
  return 1
end
local text = redis.call('GET', KEYS[1])
if text then return {text} end
return {}
`)
