//! Scripts and functions that are held ready, and how libraries register theirs.

use std::cell::{Ref, RefCell};

use mlua::{Function, MultiValue, Table, Value};

use super::exchange::{Exchange, LibraryFunction};
use super::{CodeId, raise};

/// What the machine holds ready.
#[derive(Default)]
pub(super) struct Registry {
    codes: RefCell<Vec<Option<Function>>>,
    free: RefCell<Vec<CodeId>>,
    /// What the library that is being loaded has registered so far.
    registered: RefCell<Vec<LibraryFunction>>,
}

/// What a library says of a function.
struct Description {
    name: Vec<u8>,
    description: Option<Vec<u8>>,
    flags: Vec<Vec<u8>>,
    callback: Function,
}

impl Registry {
    /// Keeps a function.
    pub fn keep(&self, function: Function) -> CodeId {
        let mut codes = self.codes.borrow_mut();
        let code = self.free.borrow_mut().pop().unwrap_or_else(|| {
            codes.push(None);
            codes.len() - 1
        });
        codes[code] = Some(function);
        code
    }

    /// Lets it go.
    pub fn forget(&self, code: CodeId) {
        if let Some(place) = self.codes.borrow_mut().get_mut(code)
            && place.take().is_some()
        {
            self.free.borrow_mut().push(code);
        }
    }

    /// A function that is kept. Nothing may be kept or forgotten while it is in hand.
    pub fn get(&self, code: CodeId) -> Option<Ref<'_, Function>> {
        Ref::filter_map(self.codes.borrow(), |codes| codes.get(code)?.as_ref()).ok()
    }

    /// What was registered since the last call.
    pub fn take_registered(&self) -> Vec<LibraryFunction> {
        std::mem::take(&mut self.registered.borrow_mut())
    }

    /// `redis.register_function`.
    pub fn register(&self, words: &MultiValue, exchange: &Exchange) -> mlua::Result<()> {
        if !exchange.loading.get() {
            let text = "ERR redis.register_function can only be called on FUNCTION LOAD command";
            return Err(raise::table(text));
        }
        let described = describe(words).map_err(|text| raise::table(format!("ERR {text}")))?;
        if !is_name(&described.name) {
            let text = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least \
                        one character long";
            return Err(raise::table(text));
        }
        if self.registered.borrow().iter().any(|known| known.name == described.name) {
            return Err(raise::table("ERR Function already exists in the library"));
        }
        let Description { name, description, flags, callback } = described;
        let code = self.keep(callback);
        self.registered.borrow_mut().push(LibraryFunction { name, description, flags, code });
        Ok(())
    }
}

/// Letters, digits, underscores.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn describe(words: &MultiValue) -> Result<Description, &'static str> {
    match words.len() {
        1 => match words.front() {
            Some(Value::Table(named)) => describe_named(named),
            _ => {
                Err("calling redis.register_function with a single argument is only applicable to Lua table \
                      (representing named arguments).")
            }
        },
        2 => describe_two(words),
        _ => Err("wrong number of arguments to redis.register_function"),
    }
}

fn describe_two(words: &MultiValue) -> Result<Description, &'static str> {
    let Some(name) = words.front().and_then(text) else {
        return Err("first argument to redis.register_function must be a string");
    };
    let Some(Value::Function(callback)) = words.get(1) else {
        return Err("second argument to redis.register_function must be a function");
    };
    Ok(Description { name, description: None, flags: Vec::new(), callback: callback.clone() })
}

fn describe_named(named: &Table) -> Result<Description, &'static str> {
    let (mut name, mut description, mut flags, mut callback) = (None, None, Vec::new(), None);
    for pair in named.pairs::<Value, Value>() {
        let Ok((field, value)) = pair else { break };
        let Value::String(field) = field else {
            return Err("named argument key given to redis.register_function is not a string");
        };
        match &*field.as_bytes() {
            b"function_name" => match text(&value) {
                Some(given) => name = Some(given),
                None => {
                    return Err("function_name argument given to redis.register_function must be a string");
                }
            },
            b"description" => match text(&value) {
                Some(given) => description = Some(given),
                None => return Err("description argument given to redis.register_function must be a string"),
            },
            b"callback" => match value {
                Value::Function(given) => callback = Some(given),
                _ => return Err("callback argument given to redis.register_function must be a function"),
            },
            b"flags" => match value {
                Value::Table(given) => flags = flag_names(&given)?,
                _ => {
                    return Err("flags argument to redis.register_function must be a table representing \
                                function flags");
                }
            },
            _ => return Err("unknown argument given to redis.register_function"),
        }
    }
    let Some(name) = name else {
        return Err("redis.register_function must get a function name argument");
    };
    let Some(callback) = callback else {
        return Err("redis.register_function must get a callback argument");
    };
    Ok(Description { name, description, flags, callback })
}

/// The flags that functions and scripts may have, in the order in which FUNCTION LIST shows them.
const FLAGS: &[&str] = &["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

fn flag_names(flags: &Table) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut names = Vec::new();
    for flag in flags.sequence_values::<Value>() {
        let known = flag.ok().as_ref().and_then(text);
        match known.filter(|name| FLAGS.iter().any(|flag| flag.as_bytes() == name)) {
            Some(name) => names.push(name),
            None => return Err("unknown flag given"),
        }
    }
    Ok(names)
}

fn text(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Integer(number) => Some(number.to_string().into_bytes()),
        Value::Number(number) => Some(number.to_string().into_bytes()),
        _ => None,
    }
}
