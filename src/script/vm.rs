//! The inner side: Lua itself, and the loop that carries orders out.

use std::rc::Rc;

use corosensei::Yielder;
use mlua::{
    Either, Function, HookTriggers, Lua, LuaOptions, LuaString, MultiValue, StdLib, Table, Value, Variadic,
    VmState,
};

use mlua::state::{GcIncParams, GcMode};

use super::bridge::{self, Bridge};
use super::exchange::{Exchange, Order, Outcome, Pause, REPLICATE_ALL, Thrown};
use super::random::Random;
use super::register::Registry;
use super::{bit, call, cjson, cmsgpack, convert, globals, raise, redis, structs};
use crate::protocol::reply::Version;

/// More words than this are handed over in tables: Lua's stack has limits.
const WORDS_ON_STACK_MAX: usize = 64;
/// The next collection begins when so much of what is in use after one has been allocated. Twice Lua's own measure: scripts
/// leave little, and what is to be looked through is mostly ours.
const GC_PAUSE_PERCENT: i32 = 400;
/// The name by which the hook finds the function that stops the machine.
const SLICE: &str = "slice";
/// The name of our own chunk.
const PRELUDE: &str = "=seawall";

/// Arguments that scripts with one key are handed over without a table of their own, at most.
const FEW_ARGUMENTS: usize = 4;

/// What a run amounts to: -1 and an error, its place, the line, and whether it was counted; 0 and a result; or the number
/// of elements of a short plain array and these elements.
type Ended = (i32, [Value; 4]);
/// The same as Lua hands it over.
type EndedValues = (i32, Value, Value, Value, Value);

/// The way from Lua to the driver.
pub(super) type Way = Yielder<Order, Pause>;

/// What Lua is entered by.
struct Doors {
    /// A script, its key, the number of its arguments, these.
    enter_few: Function,
    /// A script, the number of its keys, its words.
    enter: Function,
    /// The same with two tables.
    enter_with: Function,
    enter_function: Function,
    into_scripts: Function,
    load_library: Function,
}

struct Vm<'a> {
    lua: &'a Lua,
    exchange: &'a Exchange,
    registry: Rc<Registry>,
    doors: Doors,
}

/// The machine's life, from the first order to the last.
pub(super) fn live(way: &Way, exchange: &Rc<Exchange>) {
    let libraries = StdLib::STRING | StdLib::TABLE | StdLib::MATH;
    let lived = Lua::new_with(libraries, LuaOptions::default()).and_then(|lua| serve(&lua, way, exchange));
    // Only memory that cannot be had gets here: everything else is a script's own failure.
    lived.expect("there is memory for Lua");
}

fn serve(lua: &Lua, way: &Way, exchange: &Rc<Exchange>) -> mlua::Result<()> {
    lua.set_app_data(exchange.clone());
    let (registry, random) = (Rc::new(Registry::default()), Rc::new(Random::default()));
    let bridge = Bridge { way, exchange };
    lua.scope(|scope| {
        let raw = lua.create_table()?;
        let api = lua.create_table()?;
        for (name, protected) in [("call", false), ("pcall", true)] {
            let end = scope.create_function(move |lua: &Lua, ()| call::end(lua, exchange, protected))?;
            // SAFETY: no script runs after `serve` has ended, and the bridge lives until then.
            #[allow(unsafe_code, reason = "for the same reason as in `bridge`")]
            let function = unsafe { bridge::function(lua, &bridge, end)? };
            api.raw_set(name, function)?;
        }
        let asks = |_: &Lua, words: MultiValue| call::may_call(&words, (way, exchange));
        api.raw_set("acl_check_cmd", scope.create_function(asks)?)?;
        let stop = |_: &Lua, ()| Ok(way.suspend(Pause::Slice) == Order::Kill);
        lua.set_named_registry_value(SLICE, scope.create_function(stop)?)?;
        redis::fill(lua, &api, exchange)?;
        raw.raw_set("redis", api)?;
        fill(lua, &raw, (exchange, &registry, &random))?;
        let doors = lua.load(include_str!("prelude.lua")).set_name(PRELUDE).call(raw)?;
        let (enter_few, enter, enter_with, enter_function, into_scripts, load_library) = doors;
        let doors = Doors { enter_few, enter, enter_with, enter_function, into_scripts, load_library };
        let vm = Vm { lua, exchange, registry, doors };
        lua.gc_set_mode(GcMode::Incremental(GcIncParams::default().pause(GC_PAUSE_PERCENT)));
        vm.watch(false)?;
        vm.serve(way)
    })
}

/// What the prelude works with.
fn fill(
    lua: &Lua,
    raw: &Table,
    (exchange, registry, random): (&Rc<Exchange>, &Rc<Registry>, &Rc<Random>),
) -> mlua::Result<()> {
    raw.raw_set("take", lua.create_function(|lua, value: Value| raise::shown(lua, value))?)?;
    raw.raw_set("where", lua.create_function(|lua, ()| Ok(place(lua)))?)?;
    let generator = random.clone();
    raw.raw_set("random", lua.create_function(move |lua, a: MultiValue| generator.random(lua, &a))?)?;
    let generator = random.clone();
    raw.raw_set("randomseed", lua.create_function(move |lua, a: MultiValue| generator.randomseed(lua, &a))?)?;
    let inside = exchange.clone();
    raw.raw_set("clock", lua.create_function(move |_, ()| Ok(inside.time_us.get() as f64 / 1e6))?)?;
    let (inside, known) = (exchange.clone(), registry.clone());
    let register = move |_: &Lua, words: MultiValue| known.register(&words, &inside);
    raw.raw_set("register_function", lua.create_function(register)?)?;
    raw.raw_set("error_text", lua.create_function(|lua, text: LuaString| redis::error_text(lua, &text))?)?;
    raw.raw_set("chunk_name", lua.create_function(|lua, name: LuaString| redis::chunk_name(lua, &name))?)?;
    raw.raw_set(
        "assigns",
        lua.create_function(|_, dumped: LuaString| Ok(globals::assigns(&dumped.as_bytes())))?,
    )?;
    let concat = lua.globals().get::<Table>("table")?.get::<Function>("concat")?;
    raw.raw_set("concat", concat)?;
    raw.raw_set("bit", bit::library(lua)?)?;
    raw.raw_set("struct", structs::library(lua)?)?;
    raw.raw_set("cmsgpack", cmsgpack::library(lua)?)?;
    raw.raw_set("cjson", cjson::library(lua)?)
}

/// The innermost place of what is not ours on the stack: the name of its chunk and the line.
fn place(lua: &Lua) -> (Option<String>, Option<usize>) {
    for level in 1.. {
        let frame = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let foreign = |name: &str| source.what != "C" && name != PRELUDE && name != "=(tail call)";
            let name = source.source.as_deref().filter(|name| foreign(name))?;
            Some((name.to_owned(), frame.current_line()))
        });
        match frame {
            None => break,
            Some(Some((name, line))) => return (Some(name), line),
            Some(None) => {}
        }
    }
    (None, None)
}

impl Vm<'_> {
    fn serve(&self, way: &Way) -> mlua::Result<()> {
        let mut order = way.suspend(Pause::Idle);
        loop {
            self.exchange.slices.set(0);
            let outcome = match order {
                Order::End => return Ok(()),
                Order::Compile => Some(self.compile()?),
                Order::Run => Some(self.run()?),
                Order::Load => Some(self.load()?),
                Order::Forget(code) => {
                    self.registry.forget(code);
                    None
                }
                Order::Collect => {
                    // Twice: what the first round finalises the second one frees.
                    self.lua.gc_collect()?;
                    self.lua.gc_collect()?;
                    None
                }
                Order::Go | Order::Kill => None,
            };
            if self.exchange.killed.take() {
                self.watch(false)?;
            }
            *self.exchange.outcome.borrow_mut() = outcome;
            self.exchange.memory_bytes.set(self.lua.used_memory());
            order = way.suspend(Pause::Idle);
        }
    }

    /// Has Lua look up from its work once in a while; with `closely` at each instruction, so that no script that is to end
    /// goes on by catching the error.
    fn watch(&self, closely: bool) -> mlua::Result<()> {
        let every = if closely { 1 } else { self.exchange.limits.slice_instructions };
        watch(self.lua, every)
    }

    fn compile(&self) -> mlua::Result<Outcome> {
        let source = self.exchange.source.borrow();
        Ok(match self.function(&source, "@user_script")? {
            Ok(function) => {
                self.doors.into_scripts.call::<()>(&function)?;
                Outcome::Compiled(self.registry.keep(function))
            }
            Err(text) => Outcome::NotCompiled(text),
        })
    }

    /// A chunk as a function, or Lua's complaint.
    fn function(&self, source: &[u8], name: &str) -> mlua::Result<Result<Function, Vec<u8>>> {
        // The first line of a script may say what it is; it keeps its number.
        let body = if source.starts_with(b"#!") {
            &source[memchr::memchr(b'\n', source).unwrap_or(source.len())..]
        } else {
            source
        };
        match self.lua.load(body).set_name(name).set_mode(mlua::chunk::ChunkMode::Text).into_function() {
            Ok(function) => Ok(Ok(function)),
            Err(mlua::Error::SyntaxError { message, .. }) => Ok(Err(message.into_bytes())),
            Err(error) => Err(error),
        }
    }

    fn run(&self) -> mlua::Result<Outcome> {
        let exchange = self.exchange;
        exchange.version.set(Version::Resp2);
        exchange.replication.set(REPLICATE_ALL);
        let run = exchange.run.borrow();
        exchange.time_us.set(run.time_us);
        let Some(function) = self.registry.get(run.code) else {
            return Ok(Outcome::NotCompiled(b"no such script".to_vec()));
        };
        let version = run.version;
        // The words stay borrowed while the script runs: the next run is prepared only when this one has ended.
        let ended: mlua::Result<Ended> = if run.is_function || run.words.len() > WORDS_ON_STACK_MAX {
            let door = if run.is_function { &self.doors.enter_function } else { &self.doors.enter_with };
            door.call::<EndedValues>((&*function, self.tables(&run)?)).map(gathered)
        } else {
            self.enter(&function, &run)
        };
        drop(run);
        match ended {
            Ok(ended) => self.ended(ended, version),
            Err(error) => Ok(Outcome::Thrown(escaped(&error))),
        }
    }

    fn enter(&self, function: &Function, run: &super::Run) -> mlua::Result<Ended> {
        let mut words = run.words.words().map(|word| self.word(word));
        let arguments = run.words.len() - run.keys;
        let ended: EndedValues = if run.keys == 1 && arguments <= FEW_ARGUMENTS {
            let mut next = || words.next().transpose();
            let (key, a, b, c, d) = (next()?, next()?, next()?, next()?, next()?);
            self.doors.enter_few.call((function, key, arguments, a, b, c, d))?
        } else {
            let words = words.collect::<mlua::Result<Variadic<_>>>()?;
            self.doors.enter.call((function, run.keys, words))?
        };
        Ok(gathered(ended))
    }

    /// A word as a value that costs little to hand over.
    fn word<'w>(&self, word: &'w [u8]) -> mlua::Result<Either<&'w str, LuaString>> {
        Ok(match std::str::from_utf8(word) {
            Ok(text) => Either::Left(text),
            Err(_) => Either::Right(self.lua.create_string(word)?),
        })
    }

    fn tables(&self, run: &super::Run) -> mlua::Result<Variadic<Table>> {
        let count = run.words.len();
        let keys = self.lua.create_table_with_capacity(run.keys, 0)?;
        let arguments = self.lua.create_table_with_capacity(count - run.keys, 0)?;
        for (i, word) in run.words.words().enumerate() {
            let table = if i < run.keys { &keys } else { &arguments };
            table.raw_push(self.lua.create_string(word)?)?;
        }
        Ok(Variadic::from(vec![keys, arguments]))
    }

    /// Writes the result, or says what was raised.
    fn ended(&self, (elements, values): Ended, version: Version) -> mlua::Result<Outcome> {
        let Ok(elements) = usize::try_from(elements) else {
            return Ok(Outcome::Thrown(thrown(&values)));
        };
        let mut result = self.exchange.result.borrow_mut();
        result.clear();
        let versions = (version, self.exchange.version.get());
        match values.get(..elements) {
            Some(row) if elements > 0 => convert::write_row(&mut result, row, versions)?,
            _ => convert::write_result(&mut result, &values[0], versions)?,
        }
        Ok(Outcome::Returned)
    }

    fn load(&self) -> mlua::Result<Outcome> {
        let function = match self.function(&self.exchange.source.borrow(), "@user_function")? {
            Ok(function) => function,
            Err(text) => return Ok(Outcome::NotCompiled(text)),
        };
        self.exchange.loading.set(true);
        let ended: mlua::Result<EndedValues> = self.doors.load_library.call(function);
        self.exchange.loading.set(false);
        let registered = self.registry.take_registered();
        let (elements, values) = match ended {
            Ok(ended) => gathered(ended),
            Err(error) => {
                registered.iter().for_each(|function| self.registry.forget(function.code));
                return Ok(Outcome::Thrown(escaped(&error)));
            }
        };
        if elements < 0 {
            registered.iter().for_each(|function| self.registry.forget(function.code));
            return Ok(Outcome::Thrown(thrown(&values)));
        }
        Ok(Outcome::Loaded(registered))
    }
}

/// An error that the prelude could not catch, such as one within its handler.
fn escaped(error: &mlua::Error) -> Thrown {
    let text = match error.downcast_ref::<raise::Raised>() {
        Some(raised) => raised.to_string(),
        None => format!("ERR {error}"),
    };
    Thrown { text: text.into_bytes(), place: None, counted: false }
}

fn gathered((elements, a, b, c, d): EndedValues) -> Ended {
    (elements, [a, b, c, d])
}

/// From the four parts of a failure.
fn thrown([text, source, line, counted]: &[Value; 4]) -> Thrown {
    let bytes = |value: &Value| match value {
        Value::String(text) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    };
    let source = bytes(source);
    Thrown {
        text: bytes(text),
        place: (!source.is_empty()).then(|| (source, line.as_i64().unwrap_or_default())),
        counted: matches!(counted, Value::Boolean(true)),
    }
}

fn watch(lua: &Lua, every: u32) -> mlua::Result<()> {
    let exchange = lua.app_data_ref::<Rc<Exchange>>().map(|exchange| exchange.clone());
    let hook = move |lua: &Lua, frame: &mlua::debug::Debug<'_>| match &exchange {
        // What is ours catches errors for scripts, and may do so in peace.
        Some(exchange) if frame.source().source.as_deref() != Some(PRELUDE) => look_up(lua, exchange),
        _ => Ok(VmState::Continue),
    };
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(every), hook)
}

/// Lua has worked for a while. The count goes on from script to script, so the first time in a script says nothing.
fn look_up(lua: &Lua, exchange: &Exchange) -> mlua::Result<VmState> {
    if exchange.killed.get() {
        return Err(killed());
    }
    exchange.slices.set(exchange.slices.get() + 1);
    if exchange.loading.get() {
        let over = exchange.slices.get() > exchange.limits.load_slices;
        return if over { Err(raise::table("ERR FUNCTION LOAD timeout")) } else { Ok(VmState::Continue) };
    }
    if exchange.slices.get() < 2 {
        return Ok(VmState::Continue);
    }
    let stop: Function = lua.named_registry_value(SLICE)?;
    if stop.call::<bool>(())? {
        exchange.killed.set(true);
        watch(lua, 1)?;
        return Err(killed());
    }
    Ok(VmState::Continue)
}

/// As in Redis, what is ended by FUNCTION KILL is told the same.
fn killed() -> mlua::Error {
    raise::table("ERR Script killed by user with SCRIPT KILL...")
}
