//! Whatever reaches Lua from outside: replies of commands, and texts that scripts have decoded. No panic, no crash, and the
//! machine goes on.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use seawall::protocol::reply::Version;
use seawall::script::{CodeId, Limits, Machine, Outcome, Run, Step};

/// Each is given the input as ARGV[1], and as reply to its calls.
const SCRIPTS: &[&str] = &[
    "return redis.call('get', ARGV[1])",
    "redis.setresp(3) return {redis.pcall('get', ARGV[1]), redis.call('x')}",
    "local ok, v = pcall(cjson.decode, ARGV[1]) if ok then return cjson.encode(v) end return v",
    "local r = {pcall(cmsgpack.unpack, ARGV[1])} if r[1] then return cmsgpack.pack(unpack(r, 2, 100)) end return r[2]",
    "return {pcall(cmsgpack.unpack_limit, ARGV[1], 3, 1)}",
    "local f, d = ARGV[1]:match('^(.-)|(.*)$') if f then return {pcall(struct.unpack, f, d)} end",
    "return {pcall(struct.pack, ARGV[1], 1, 'text', -2, 3.5, 'text', 6, 7, 8)}",
    "return {pcall(struct.size, ARGV[1])}",
    "return {pcall(redis.sha1hex, ARGV[1]), pcall(redis.error_reply, ARGV[1]), redis.status_reply(ARGV[1])}",
    "local f, e = loadstring(ARGV[1]) return e or 'compiled'",
    "return {map = {[ARGV[1]] = {double = tonumber(ARGV[1]) or 0}, x = {big_number = ARGV[1]}}}",
    "return {verbatim_string = {format = ARGV[1], string = ARGV[1]}}",
    "error({err = ARGV[1]})",
];

struct Fixture {
    machine: Machine,
    codes: Vec<CodeId>,
}

impl Fixture {
    fn new() -> Fixture {
        let mut machine = Machine::new(Limits::default()).expect("there is memory for a stack");
        let codes = SCRIPTS.iter().map(|script| match machine.compile(script.as_bytes()) {
            Outcome::Compiled(code) => code,
            other => panic!("{script}: {other:?}"),
        });
        Fixture { codes: codes.collect(), machine }
    }

    fn run(&mut self, code: CodeId, version: Version, input: &[u8]) {
        let mut step = self.machine.start(|run: &mut Run| {
            run.words.clear();
            run.words.push(input);
            (run.code, run.keys, run.version) = (code, 0, version);
        });
        for _ in 0..1000 {
            step = match step {
                Step::Call => {
                    self.machine.with_call(|_, reply, _| reply.extend_from_slice(input));
                    self.machine.go_on()
                }
                Step::Ask => {
                    self.machine.answer(None);
                    self.machine.go_on()
                }
                Step::Slice => self.machine.kill(),
                Step::Done(_) => return,
            }
        }
        panic!("a script does not end");
    }
}

thread_local! {
    static FIXTURE: RefCell<Fixture> = RefCell::new(Fixture::new());
}

fuzz_target!(|data: &[u8]| {
    let [choice, input @ ..] = data else { return };
    FIXTURE.with_borrow_mut(|fixture| {
        let code = fixture.codes[usize::from(choice >> 1) % fixture.codes.len()];
        let version = if choice & 1 == 0 { Version::Resp2 } else { Version::Resp3 };
        fixture.run(code, version, input);
    });
});
