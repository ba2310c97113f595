//! HELP of commands that hold others: derived from the table, so it cannot fall behind.
//!
//! The shape is Redis's: a headline, then for each sub-command its usage and, indented, what it does; HELP comes last.

use crate::engine::{Call, Failure};

/// The handler of every `HELP` sub-command.
pub fn of_container(call: &mut Call<'_>) -> Result<(), Failure> {
    let table = call.engine.table();
    let Some(row) = table.find(call.request.arg(0)).map(|id| table.row(id)) else {
        return Err(Failure::SYNTAX);
    };
    let (last, others): (Vec<_>, Vec<_>) =
        row.command.subcommands.iter().partition(|sub| sub.token().eq_ignore_ascii_case("help"));
    let lines: Vec<(String, &str)> = others
        .into_iter()
        .chain(last)
        .map(|sub| {
            (
                format!("{} {}", sub.token().to_ascii_uppercase(), sub.syntax).trim_end().to_owned(),
                sub.summary,
            )
        })
        .collect();
    let name = row.command.name.to_ascii_uppercase();
    write(call, &name, lines.iter().map(|(usage, about)| (usage.as_str(), *about)));
    Ok(())
}

/// Writes a help text: usages and what they do.
pub fn write<'b>(call: &mut Call<'_>, name: &str, lines: impl ExactSizeIterator<Item = (&'b str, &'b str)>) {
    call.reply.array(1 + 2 * lines.len());
    call.reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for (usage, about) in lines {
        call.reply.simple(usage);
        call.reply.simple(&format!("    {about}"));
    }
}
