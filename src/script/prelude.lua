-- What scripts find around them. Runs once, when the machine is made; `raw` are our own functions.
--
-- Lua 5.1 knows no tables that cannot be written. So what scripts share is behind empty tables, whose metatables let reading
-- through and refuse writing; the functions of Lua that look past metatables are told of them.
local raw = ...
local take, where = raw.take, raw.where
local error, type, tostring, select, next, rawget, rawset = error, type, tostring, select, next, rawget, rawset
local getmetatable, setmetatable, setfenv, xpcall = getmetatable, setmetatable, setfenv, xpcall
local native = { pairs = pairs, pcall = pcall, loadstring = loadstring, load = load, insert = table.insert }
local sub, resume, wrap = string.sub, coroutine.resume, coroutine.wrap
local script_globals, shared_string_metatable
-- KEYS and ARGV of scripts with one key and few arguments, by the number of arguments: see `enter_few`.
local kept_keys, kept_arguments = {}, { [0] = {}, {}, {}, {}, {} }
local READONLY = 'Attempt to modify a readonly table'

-- The tables behind those that scripts see.
local behind = {}

local function refuse() error(READONLY, 2) end

local function readonly(inner)
  local outer = setmetatable({}, { __index = inner, __newindex = refuse, __metatable = false })
  behind[outer] = inner
  return outer
end

-- Everything that scripts and libraries share.
local shared = {}
for _, name in native.pairs{ '_VERSION', 'assert', 'collectgarbage', 'error', 'gcinfo', 'ipairs', 'rawequal', 'select',
  'tonumber', 'tostring', 'type', 'unpack' } do
  shared[name] = _G[name]
end

function shared.next(t, k)
  return next(behind[t] or t, k)
end

function shared.pairs(t)
  local inner = behind[t]
  if inner then return next, inner, nil end
  if type(t) ~= 'table' then
    error("bad argument #1 to 'pairs' (table expected, got " .. (t == nil and 'nil' or type(t)) .. ')', 2)
  end
  return next, t, nil
end

function shared.rawget(t, k)
  return rawget(behind[t] or t, k)
end

function shared.rawset(t, k, v)
  if behind[t] then error(READONLY, 0) end
  return rawset(t, k, v)
end

function shared.getmetatable(t)
  if behind[t] then return nil end
  local m = getmetatable(t)
  if type(t) == 'string' and m ~= nil then return shared_string_metatable end
  return m
end

function shared.setmetatable(t, m)
  if behind[t] then error(READONLY, 0) end
  for n = 0, 4 do
    if t == kept_keys or t == kept_arguments[n] then kept_keys, kept_arguments[n] = {}, {} end
  end
  return setmetatable(t, m)
end

-- A caught error: what is ours is exchanged, and of a table with `err` that text is what is caught.
local function caught(ok, e, ...)
  if ok then return ok, e, ... end
  e = take(e)
  if type(e) == 'table' then
    local err = e.err
    if err ~= nil then return false, err end
  end
  return false, e
end

function shared.pcall(...)
  return caught(native.pcall(...))
end

function shared.xpcall(f, handler)
  return xpcall(f, function(e) return handler(take(e)) end)
end

-- Compiled code could do anything to the machine, so only texts are taken.
function shared.loadstring(text, name, ...)
  if type(text) == 'string' and sub(text, 1, 1) == '\27' then
    return nil, raw.chunk_name(name or text) .. ":1: unexpected symbol near 'char(27)'"
  end
  local f, e = native.loadstring(text, name, ...)
  if f then setfenv(f, script_globals) end
  return f, e
end

function shared.load(reader, name)
  local parts, n = {}, 0
  while true do
    local part = reader()
    if part == nil or part == '' then break end
    if type(part) ~= 'string' then return nil, 'reader function must return a string' end
    n = n + 1
    parts[n] = part
  end
  return shared.loadstring(raw.concat(parts), name or '=(load)')
end

local coroutines = {}
for name, f in native.pairs(coroutine) do coroutines[name] = f end
function coroutines.resume(...)
  return (function(ok, e, ...)
    if ok then return ok, e, ... end
    return ok, take(e)
  end)(resume(...))
end

local tables = {}
for name, f in native.pairs(table) do tables[name] = f end
function tables.insert(t, ...)
  if behind[t] then error(READONLY, 0) end
  return native.insert(t, ...)
end

local maths = {}
for name, f in native.pairs(math) do maths[name] = f end
maths.random, maths.randomseed = raw.random, raw.randomseed

local strings = {}
for name, f in native.pairs(string) do strings[name] = f end
do
  local m = getmetatable('')
  m.__index = strings
  shared.string = readonly(strings)
  shared_string_metatable = readonly{ __index = shared.string }
end

shared.coroutine, shared.table, shared.math = readonly(coroutines), readonly(tables), readonly(maths)
shared.os = readonly{ clock = raw.clock }
for _, name in native.pairs{ 'cjson', 'cmsgpack', 'struct', 'bit' } do
  shared[name] = readonly(raw[name])
end

local function reply(field)
  return function(...)
    local text = ...
    if select('#', ...) ~= 1 or type(text) ~= 'string' then
      return { err = 'ERR wrong number or type of arguments' }
    end
    if field == 'ok' then return { ok = text } end
    return { err = raw.error_text(text) }
  end
end

local api = raw.redis
api.error_reply, api.status_reply = reply('err'), reply('ok')
function api.replicate_commands() return true end
function api.breakpoint() return false end
function api.debug() end

-- What is raised becomes a table that knows where.
local function explain(e)
  e = take(e)
  if type(e) ~= 'table' or behind[e] then e = { err = 'ERR ' .. tostring(e) } end
  local source, line = where()
  if source then
    rawset(e, 'source', source)
    rawset(e, 'line', line)
  end
  return e
end

local absent = {
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
}

-- The globals of scripts, and those that functions see when they run.
local function world()
  local inner = { redis = readonly(api), __redis__err__handler = explain }
  for name, value in native.pairs(shared) do inner[name] = value end
  local seen = {}
  local outer = setmetatable({}, seen)
  behind[outer], inner._G = inner, outer
  seen.__index, seen.__newindex, seen.__metatable = setmetatable(inner, absent), refuse, false
  return outer, inner, seen
end

local script_inner
script_globals, script_inner = world()
local library_globals, library_inner, library_seen = world()

-- A library that is being loaded sees little.
local loading = { register_function = raw.register_function, log = api.log }
for name, value in native.pairs(api) do
  if type(value) ~= 'function' then loading[name] = value end
end
loading = setmetatable({ redis = readonly(setmetatable(loading, absent)) }, absent)

-- What a run that has failed amounts to: the error, where, and whether it was counted.
local function failed(v)
  if type(v) ~= 'table' then v = { err = 'ERR ' .. tostring(take(v)) } end
  local err = rawget(v, 'err')
  if type(err) == 'number' then err = tostring(err) end
  if type(err) ~= 'string' then err = 'ERR unknown error' end
  return err, rawget(v, 'source') or '', rawget(v, 'line') or 0, rawget(v, 'ignore_error_stats_update') == true
end

-- How a run has ended, in at most five values: a number of elements and a short plain array's elements; or 0 and any other
-- result; or -1 and what `failed` says.
local function ended(ok, v)
  if not ok then return -1, failed(v) end
  if type(v) ~= 'table' or getmetatable(v) ~= nil then return 0, v end
  local a, b, c, d = v[1], v[2], v[3], v[4]
  if a == nil or v.err ~= nil or v.ok ~= nil or v.double ~= nil or v.map ~= nil or v.set ~= nil or v.big_number ~= nil
    or v.verbatim_string ~= nil then
    return 0, v
  end
  if b == nil then return 1, a end
  if c == nil then return 2, a, b end
  if d == nil then return 3, a, b, c end
  if v[5] == nil then return 4, a, b, c, d end
  return 0, v
end

-- One key, and `n` arguments, no more than four. The tables are used again if the script before has left them as they were
-- made: with nothing behind what is written anew.
local function enter_few(f, key, n, a, b, c, d)
  local keys, arguments = kept_keys, kept_arguments[n]
  if keys[1] == nil or next(keys, 1) ~= nil then
    keys = { key }
    kept_keys = keys
  else
    keys[1] = key
  end
  if n == 0 then
    if next(arguments) ~= nil then
      arguments = {}
      kept_arguments[0] = arguments
    end
  elseif arguments[n] == nil or next(arguments, n) ~= nil then
    -- Of the right size from the beginning.
    if n == 1 then arguments = { a } elseif n == 2 then arguments = { a, b } else arguments = { a, b, c, d } end
    kept_arguments[n] = arguments
  else
    arguments[1] = a
    if n > 1 then arguments[2] = b end
    if n > 2 then arguments[3] = c end
    if n > 3 then arguments[4] = d end
  end
  script_inner.KEYS, script_inner.ARGV = keys, arguments
  return ended(xpcall(f, explain))
end

local function enter(f, keys, ...)
  if keys == 0 then
    script_inner.KEYS, script_inner.ARGV = {}, { ... }
  else
    local names = { ... }
    for i = keys + 1, select('#', ...) do names[i] = nil end
    script_inner.KEYS, script_inner.ARGV = names, { select(keys + 1, ...) }
  end
  return ended(xpcall(f, explain))
end

local function enter_with(f, keys, arguments)
  script_inner.KEYS, script_inner.ARGV = keys, arguments
  return ended(xpcall(f, explain))
end

local function enter_function(f, keys, arguments)
  return ended(xpcall(function() return f(keys, arguments) end, explain))
end

-- What cannot assign to globals reads them without a detour.
local function into_scripts(f)
  return setfenv(f, raw.assigns(string.dump(f)) and script_globals or script_inner)
end
local function load_library(f)
  library_seen.__index = loading
  local ok, v = xpcall(setfenv(f, library_globals), explain)
  library_seen.__index = library_inner
  return ended(ok, ok and nil or v)
end

return enter_few, enter, enter_with, enter_function, into_scripts, load_library
