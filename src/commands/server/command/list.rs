//! COMMAND LIST: names only, perhaps filtered.

use super::SUBCOMMAND;
use crate::engine::command::{Category, Command};
use crate::engine::{Call, Failure};
use crate::text::{Case, matches};

pub(super) const LIST: Command = Command {
    name: "command|list",
    arity: -2,
    since: "7.0.0",
    summary: "Returns the names of commands.",
    complexity: "O(N) where N is the number of commands",
    syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
    tips: &["nondeterministic_output_order"],
    handler: list,
    ..SUBCOMMAND
};

/// Which commands are listed.
enum Filter<'a> {
    All,
    None,
    Category(Category),
    Pattern(&'a [u8]),
}

fn list(call: &mut Call<'_>) -> Result<(), Failure> {
    let filter = filter(call)?;
    let fits = |command: &&'static Command| match filter {
        Filter::All => true,
        Filter::None => false,
        Filter::Category(category) => command.is_in(category),
        Filter::Pattern(pattern) => matches(pattern, command.name.as_bytes(), Case::Ignored),
    };
    let table = call.engine.table();
    let commands = table.names().map(|(_, id)| table.row(id).command);
    let all = commands.flat_map(|command| std::iter::once(command).chain(command.subcommands));
    let listed: Vec<_> = all.filter(fits).collect();
    call.reply.array(listed.len());
    listed.into_iter().for_each(|command| call.reply.bulk(command.name.as_bytes()));
    Ok(())
}

fn filter<'a>(call: &Call<'a>) -> Result<Filter<'a>, Failure> {
    if call.len() == 2 {
        return Ok(Filter::All);
    }
    if call.len() != 5 || !call.arg_is(2, "filterby") {
        return Err(Failure::SYNTAX);
    }
    let wanted = call.arg(4);
    match call.arg(3).to_ascii_lowercase().as_slice() {
        // There are no modules, so none has commands.
        b"module" => Ok(Filter::None),
        b"aclcat" => {
            let is_it = |(_, name): &&(Category, &str)| name.as_bytes().eq_ignore_ascii_case(wanted);
            Ok(Category::ALL
                .iter()
                .find(is_it)
                .map_or(Filter::None, |(category, _)| Filter::Category(*category)))
        }
        b"pattern" => Ok(Filter::Pattern(wanted)),
        _ => Err(Failure::SYNTAX),
    }
}
