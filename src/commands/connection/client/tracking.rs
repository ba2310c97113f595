//! CLIENT TRACKING and its kin: what a connection is told about changes of keys that it keeps copies of.

use super::SUBCOMMAND;
use crate::engine::command::{Command, Flag};
use crate::engine::tracking::ClientTracking;
use crate::engine::{Call, Failure};
use crate::text::number::parse_i64;

pub(super) const TRACKING: Command = Command {
    name: "client|tracking",
    arity: -3,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale],
    since: "6.0.0",
    summary: "Chooses whether the connection is told of changes to keys that it has read.",
    syntax: "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
    handler: tracking,
    ..SUBCOMMAND
};

fn tracking(call: &mut Call<'_>) -> Result<(), Failure> {
    let (mut options, prefixes) = options(call)?;
    if call.arg_is(2, "on") {
        check(call.session().tracking.as_deref(), &options, &prefixes)?;
        options.prefixes = prefixes.into_iter().map(<[u8]>::to_vec).collect();
        call.engine.start_tracking(call.client, options);
    } else if call.arg_is(2, "off") {
        call.engine.stop_tracking(call.client);
    } else {
        return Err(Failure::SYNTAX);
    }
    call.reply.ok();
    Ok(())
}

/// The options and, in the order given, the prefixes.
fn options<'a>(call: &Call<'a>) -> Result<(ClientTracking, Vec<&'a [u8]>), Failure> {
    let (mut options, mut prefixes) = (ClientTracking::default(), Vec::new());
    let mut at = 3;
    while at < call.len() {
        let has_value = at + 1 < call.len();
        match &*call.arg(at).to_ascii_lowercase() {
            b"redirect" if has_value => {
                at += 1;
                redirect(call, at, &mut options)?;
            }
            b"prefix" if has_value => {
                at += 1;
                prefixes.push(call.arg(at));
            }
            b"bcast" => options.broadcast = true,
            b"optin" => options.opt_in = true,
            b"optout" => options.opt_out = true,
            b"noloop" => options.no_loop = true,
            _ => return Err(Failure::SYNTAX),
        }
        at += 1;
    }
    Ok((options, prefixes))
}

fn redirect(call: &Call<'_>, at: usize, options: &mut ClientTracking) -> Result<(), Failure> {
    if options.redirect.is_some() {
        return Err(Failure::fixed("ERR A client can only redirect to a single other client"));
    }
    let id = parse_i64(call.arg(at)).ok_or(Failure::NOT_INTEGER)?;
    let target = call.engine.sessions.find(id as u64);
    let target = target.ok_or(Failure::fixed("ERR The client ID you want redirect to does not exist"))?;
    options.redirect = Some(call.engine.lasting(target));
    Ok(())
}

/// Whether the options fit each other and what is on already.
fn check(
    before: Option<&ClientTracking>,
    options: &ClientTracking,
    prefixes: &[&[u8]],
) -> Result<(), Failure> {
    let refuse = |text| Err(Failure::fixed(text));
    if !options.broadcast && !prefixes.is_empty() {
        return refuse("ERR PREFIX option requires BCAST mode to be enabled");
    }
    if before.is_some_and(|before| before.broadcast != options.broadcast) {
        return refuse(
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it \
             with a different mode.",
        );
    }
    if options.broadcast && (options.opt_in || options.opt_out) {
        return refuse("ERR OPTIN and OPTOUT are not compatible with BCAST");
    }
    if options.opt_in && options.opt_out {
        return refuse("ERR You can't specify both OPTIN mode and OPTOUT mode");
    }
    let switches =
        |before: &ClientTracking| options.opt_in && before.opt_out || options.opt_out && before.opt_in;
    if before.is_some_and(switches) {
        return refuse(
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it \
             with a different mode.",
        );
    }
    check_overlaps(before, prefixes)
}

/// Each key must be told of once, so no prefix may begin another.
fn check_overlaps(before: Option<&ClientTracking>, prefixes: &[&[u8]]) -> Result<(), Failure> {
    for (i, prefix) in prefixes.iter().enumerate() {
        let overlaps = |other: &&[u8]| other.starts_with(prefix) || prefix.starts_with(other);
        let mut existing = before.into_iter().flat_map(|before| &before.prefixes).map(Vec::as_slice);
        if let Some(other) = existing.find(overlaps) {
            return Err(overlap(prefix, "an existing prefix", other));
        }
        if let Some(other) = prefixes[i + 1..].iter().copied().find(overlaps) {
            return Err(overlap(prefix, "another provided prefix", other));
        }
    }
    Ok(())
}

fn overlap(prefix: &[u8], what: &str, other: &[u8]) -> Failure {
    let (prefix, other) = (String::from_utf8_lossy(prefix), String::from_utf8_lossy(other));
    Failure::new(format!(
        "ERR Prefix '{prefix}' overlaps with {what} '{other}'. Prefixes for a single client must not overlap."
    ))
}

pub(super) const CACHING: Command = Command {
    name: "client|caching",
    arity: 3,
    since: "6.0.0",
    summary: "Says for OPTIN or OPTOUT whether the keys of the next command are kept.",
    syntax: "<YES | NO>",
    handler: caching,
    ..SUBCOMMAND
};

fn caching(call: &mut Call<'_>) -> Result<(), Failure> {
    let (yes, no) = (call.arg_is(2, "yes"), call.arg_is(2, "no"));
    let Some(tracking) = &mut call.session().tracking else {
        return Err(Failure::fixed(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    };
    match () {
        () if yes && !tracking.opt_in => {
            return Err(Failure::fixed(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        () if no && !tracking.opt_out => {
            return Err(Failure::fixed(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        () if yes || no => tracking.caching = true,
        () => return Err(Failure::SYNTAX),
    }
    call.reply.ok();
    Ok(())
}

pub(super) const GETREDIR: Command = Command {
    name: "client|getredir",
    arity: 2,
    since: "6.0.0",
    summary: "Returns the id of the connection that gets this one's invalidations; 0 for none, -1 if it does not track.",
    handler: getredir,
    ..SUBCOMMAND
};

fn getredir(call: &mut Call<'_>) -> Result<(), Failure> {
    let redirect = call.session().redirect_id();
    call.reply.integer(redirect);
    Ok(())
}

pub(super) const TRACKINGINFO: Command = Command {
    name: "client|trackinginfo",
    arity: 2,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale],
    since: "6.2.0",
    summary: "Returns how the connection tracks changes.",
    handler: trackinginfo,
    ..SUBCOMMAND
};

fn trackinginfo(call: &mut Call<'_>) -> Result<(), Failure> {
    let session = &call.engine.sessions[call.client];
    let (flags, redirect) = (flags(session.tracking.as_deref()), session.redirect_id());
    let prefixes = session.tracking.iter().flat_map(|tracking| &tracking.prefixes);
    let reply = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"redirect");
    reply.integer(redirect);
    reply.bulk(b"prefixes");
    reply.array(prefixes.clone().count());
    prefixes.for_each(|prefix| reply.bulk(prefix));
    Ok(())
}

fn flags(tracking: Option<&ClientTracking>) -> Vec<&'static str> {
    let Some(tracking) = tracking else { return vec!["off"] };
    let flags = [
        ("on", true),
        ("bcast", tracking.broadcast),
        ("optin", tracking.opt_in),
        ("caching-yes", tracking.opt_in && tracking.caching),
        ("optout", tracking.opt_out),
        ("caching-no", tracking.opt_out && tracking.caching),
        ("noloop", tracking.no_loop),
        ("broken_redirect", tracking.broken),
    ];
    flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag).collect()
}
