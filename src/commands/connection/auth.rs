//! AUTH and HELLO: saying who one is, and which protocol one speaks.

use super::client::settings::{NAME_REFUSED, is_plain};
use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure, REDIS_VERSION};
use crate::protocol::reply::Version;
use crate::text::number;

const WRONG_PASSWORD: Failure =
    Failure::fixed("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD: Failure = Failure::fixed(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is \
     correct?",
);
const HELLO_UNAUTHENTICATED: Failure = Failure::fixed(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can \
     be used to authenticate the client and select the RESP protocol version at the same time",
);

pub(super) const AUTH: Command = Command {
    name: "auth",
    arity: -2,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::NoAuth, Flag::AllowBusy],
    categories: &[Category::Connection],
    group: Group::Connection,
    summary: "Authenticates the connection.",
    complexity: "O(N) where N is the length of the password",
    syntax: "[username] password",
    handler: auth,
    ..Command::DEFAULT
};

fn auth(call: &mut Call<'_>) -> Result<(), Failure> {
    let (user, password) = match call.len() {
        2 if call.engine.config.requirepass.0.is_empty() => return Err(NO_PASSWORD),
        2 => (&b"default"[..], call.arg(1)),
        3 => (call.arg(1), call.arg(2)),
        _ => return Err(Failure::SYNTAX),
    };
    authenticate(call, user, password)?;
    call.reply.ok();
    Ok(())
}

/// Lets the client in if the password is the user's. Without a password, `default` is let in with any.
fn authenticate(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Result<(), Failure> {
    let wanted = &call.engine.config.requirepass.0;
    if user != b"default" || !(wanted.is_empty() || same(wanted, password)) {
        call.engine.stats.auth_failures += 1;
        return Err(WRONG_PASSWORD);
    }
    call.session().authenticated = true;
    Ok(())
}

/// Compares in a time that depends on `given` alone, so that it tells nothing about the secret.
fn same(secret: &[u8], given: &[u8]) -> bool {
    let mut difference = usize::from(secret.len() != given.len());
    for (i, byte) in given.iter().enumerate() {
        let expected = secret.get(i % secret.len().max(1)).copied().unwrap_or_default();
        difference |= usize::from(std::hint::black_box(expected ^ byte));
    }
    std::hint::black_box(difference) == 0
}

pub(super) const HELLO: Command = Command {
    name: "hello",
    arity: -1,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::NoAuth, Flag::AllowBusy],
    categories: &[Category::Connection],
    group: Group::Connection,
    since: "6.0.0",
    summary: "Greets the server: chooses the protocol, authenticates, names the connection.",
    syntax: "[protover [AUTH username password] [SETNAME clientname]]",
    handler: hello,
    ..Command::DEFAULT
};

/// What HELLO asks for.
#[derive(Default)]
struct Greeting<'a> {
    version: Option<Version>,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello(call: &mut Call<'_>) -> Result<(), Failure> {
    let greeting = greeting(call)?;
    if let Some((user, password)) = greeting.credentials {
        authenticate(call, user, password)?;
    }
    let open = call.engine.config.requirepass.0.is_empty();
    if !call.session().authenticated && !open {
        return Err(HELLO_UNAUTHENTICATED);
    }
    if let Some(name) = greeting.name {
        call.session().name = name.to_vec();
    }
    if let Some(version) = greeting.version {
        call.session().version = version;
        call.reply.set_version(version);
    }
    introduce(call);
    Ok(())
}

fn greeting<'a>(call: &Call<'a>) -> Result<Greeting<'a>, Failure> {
    let mut greeting = Greeting::default();
    if call.len() == 1 {
        return Ok(greeting);
    }
    greeting.version = Some(match number::parse_i64(call.arg(1)) {
        Some(2) => Version::Resp2,
        Some(3) => Version::Resp3,
        Some(_) => return Err(Failure::fixed("NOPROTO unsupported protocol version")),
        None => return Err(Failure::fixed("ERR Protocol version is not an integer or out of range")),
    });
    let mut at = 2;
    while at < call.len() {
        let more = call.len() - at - 1;
        if call.arg_is(at, "auth") && more >= 2 {
            greeting.credentials = Some((call.arg(at + 1), call.arg(at + 2)));
            at += 3;
        } else if call.arg_is(at, "setname") && more >= 1 {
            let name = call.arg(at + 1);
            greeting.name = Some(name).filter(|name| is_plain(name));
            greeting.name.ok_or(NAME_REFUSED)?;
            at += 2;
        } else {
            let option = String::from_utf8_lossy(call.arg(at));
            return Err(Failure::new(format!("ERR Syntax error in HELLO option '{option}'")));
        }
    }
    Ok(greeting)
}

fn introduce(call: &mut Call<'_>) {
    let id = call.session().id;
    let reply = &mut call.reply;
    let protocol = match reply.version() {
        Version::Resp2 => 2,
        Version::Resp3 => 3,
    };
    reply.map(7);
    for (field, value) in [("server", "redis"), ("version", REDIS_VERSION)] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    for (field, value) in [("proto", protocol), ("id", id as i64)] {
        reply.bulk(field.as_bytes());
        reply.integer(value);
    }
    for (field, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    reply.bulk(b"modules");
    reply.array(0);
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn only_the_whole_password_fits() {
        assert!(same(b"secret", b"secret"));
        for wrong in ["", "s", "secre", "secrets", "secretsecret", "Secret"] {
            assert!(!same(b"secret", wrong.as_bytes()), "{wrong}");
        }
    }
}
