//! `redis.call` and `redis.pcall`, as Lua calls them: out to the driver and back.
//!
//! They are C functions of our own and not closures made by mlua, since mlua keeps each string that it hands over in a table
//! and counts who refers to it: of a script with two calls that took a quarter of its time. Words go straight from Lua's
//! stack into the request. Replies that are one number, text or status go straight back; all else, errors first of all, is left
//! to an `end` that mlua made ([`call::end`](super::call::end)).
//!
//! What must hold: Lua raises errors by `longjmp`, past the frames between. So while anything is called here that may raise,
//! nothing is alive in these functions that would have to be dropped.
#![allow(unsafe_code)]

use mlua::ffi::{self, lua_State};
use mlua::{Function, Lua};

use super::call::{NO_WORD, NO_WORDS, push_number};
use super::exchange::{Exchange, Pause};
use super::vm::Way;
use crate::text::parse_i64;

/// What the functions work with.
pub(super) struct Bridge<'a> {
    pub way: &'a Way,
    pub exchange: &'a Exchange,
}

/// A reply as far as it is known here.
enum Simple<'a> {
    Number(f64),
    Text(&'a [u8]),
    Status(&'a [u8]),
    Nothing,
    Other,
}

/// A function for scripts; `end` turns replies that are not simple into values or errors.
///
/// # Safety
/// The function must not be called when the bridge is gone.
pub(super) unsafe fn function(lua: &Lua, bridge: &Bridge<'_>, end: Function) -> mlua::Result<Function> {
    let address = std::ptr::from_ref(bridge).cast_mut().cast();
    // SAFETY: the closure takes the two values on top of the stack, which are `end` and the address.
    unsafe {
        lua.exec_raw(end, |state| {
            ffi::lua_pushlightuserdata(state, address);
            ffi::lua_pushcclosure(state, call, 2);
        })
    }
}

/// Has the driver run a command.
unsafe extern "C-unwind" fn call(state: *mut lua_State) -> i32 {
    // SAFETY: the second upvalue is the address of a bridge, by `function`, whose caller keeps it.
    let bridge = unsafe { &*ffi::lua_touserdata(state, ffi::lua_upvalueindex(2)).cast::<Bridge<'_>>() };
    // SAFETY: the stack is that of a C function which Lua has just called.
    let refused = unsafe { take_words(state, bridge.exchange) };
    match refused {
        None => {
            bridge.way.suspend(Pause::Call);
        }
        Some(text) => refuse(bridge.exchange, text),
    }
    let reply = bridge.exchange.reply.as_ptr();
    // SAFETY: nobody holds a borrow of the reply while Lua runs, and nobody changes it before the next call.
    let reply: &[u8] = unsafe { &*reply };
    // SAFETY: a C function has room for some values on its stack. Nothing here has to be dropped if one of these raises.
    unsafe {
        match simple(reply) {
            Simple::Number(number) => ffi::lua_pushnumber(state, number),
            Simple::Text(text) => ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len()),
            Simple::Status(text) => {
                ffi::lua_createtable(state, 0, 1);
                ffi::lua_pushlstring_(state, c"ok".as_ptr(), 2);
                ffi::lua_pushlstring_(state, text.as_ptr().cast(), text.len());
                ffi::lua_rawset(state, -3);
            }
            Simple::Nothing => ffi::lua_pushboolean(state, 0),
            Simple::Other => {
                ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
                ffi::lua_call(state, 0, 1);
            }
        }
    }
    1
}

/// Writes the words on the stack as a request. An error's text, if they are none.
///
/// # Safety
/// `state` is the argument of a C function that Lua has called.
unsafe fn take_words(state: *mut lua_State, exchange: &Exchange) -> Option<&'static str> {
    let mut request = exchange.request.borrow_mut();
    request.clear();
    // SAFETY: the indices are those of the function's arguments. What is read is no more than what its type allows without a
    // conversion, so nothing raises; a string lives as long as it is on the stack.
    unsafe {
        let count = ffi::lua_gettop(state);
        for at in 1..=count {
            match ffi::lua_type(state, at) {
                ffi::LUA_TSTRING => {
                    let mut length = 0;
                    let text = ffi::lua_tolstring(state, at, &mut length);
                    request.push(std::slice::from_raw_parts(text.cast(), length));
                }
                ffi::LUA_TNUMBER => push_number(&mut request, ffi::lua_tonumber(state, at)),
                _ => return Some(NO_WORD),
            }
        }
        (count == 0).then_some(NO_WORDS)
    }
}

/// Has the call answered with an error of ours.
fn refuse(exchange: &Exchange, text: &str) {
    let mut reply = exchange.reply.borrow_mut();
    reply.clear();
    reply.push(b'-');
    reply.extend_from_slice(text.as_bytes());
}

/// What is no whole reply is `Other` as well.
fn simple(reply: &[u8]) -> Simple<'_> {
    let Some((mark, rest)) = reply.split_first() else { return Simple::Other };
    let Some(end) = memchr::memchr(b'\r', rest) else { return Simple::Other };
    if *mark == b'+' {
        return Simple::Status(&rest[..end]);
    }
    match (mark, parse_i64(&rest[..end])) {
        (b':', Some(number)) => Simple::Number(number as f64),
        (b'$', Some(-1)) => Simple::Nothing,
        (b'$', Some(length)) => {
            let text = rest.get(end + 2..).zip(usize::try_from(length).ok());
            text.and_then(|(rest, length)| rest.get(..length)).map_or(Simple::Other, Simple::Text)
        }
        _ => Simple::Other,
    }
}
