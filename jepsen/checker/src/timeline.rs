//! A violation, and a history's figures, for a terminal.

use crate::call::Call;
use crate::history::{History, Moment, Operation, Outcome};
use crate::linearizability::{Placed, Violation};
use crate::quote::quoted;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Steps of the order that are shown before the operation without a place.
const ORDER_SHOWN_MAX: usize = 10;
/// Operations in the timeline.
const ROWS_MAX: usize = 24;
/// Columns of a timeline's bars.
const BAR_COLUMNS: usize = 48;

/// The explanation: what has no place, the end of the longest order that was found, and who did what when around it.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = quoted(&self.key);
        let count = self.operations.len();
        writeln!(f, "Not linearizable: key {key}, {count} operations.\n")?;
        self.fmt_unplaced(f)?;
        self.fmt_order(f)?;
        self.fmt_timeline(f)
    }
}

impl Violation {
    fn fmt_unplaced(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unplaced = self.unplaced.iter().map(|&position| &self.operations[position]);
        if let Some(first) = unplaced.next() {
            writeln!(f, "No order explains")?;
            writeln!(f, "  {}   {}", what(first), when(first))?;
            writeln!(f, "since the key could only hold: {}", self.states.join(", "))?;
        }
        for (index, other) in unplaced.enumerate() {
            if index == 0 {
                writeln!(f, "Concurrent with it, without a place either:")?;
            }
            writeln!(f, "  {}   {}", what(other), when(other))?;
        }
        writeln!(f)
    }

    fn fmt_order(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hidden, shown) = self.order_shown();
        writeln!(f, "Longest order that explains the replies before:")?;
        if hidden > 0 {
            writeln!(f, "  ... {hidden} operations")?;
        }
        for (index, placed) in shown.iter().enumerate() {
            let (number, state) = (hidden + index + 1, &placed.state);
            let what = what(&self.operations[placed.position]);
            writeln!(f, "  {number:>5}. {what:<40}  then {state}")?;
        }
        writeln!(f)
    }

    /// The end of the order, and how many steps come before it.
    fn order_shown(&self) -> (usize, &[Placed]) {
        let hidden = self.order.len().saturating_sub(ORDER_SHOWN_MAX);
        (hidden, &self.order[hidden..])
    }

    fn fmt_timeline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let scale = Scale::new(rows.iter().map(|&position| &self.operations[position]));
        writeln!(f, "Timeline (number: place in the order, !: no place, ~: outcome unknown):")?;
        for position in rows {
            let operation = &self.operations[position];
            let (mark, bar) = (self.mark(position), scale.bar(operation));
            let what = what(operation);
            writeln!(f, "  {mark:>5} |{bar}| {what}   {}", when(operation))?;
        }
        Ok(())
    }

    /// The operations around the violation, by invocation: those without a place, the end of the order, and what else
    /// may have happened meanwhile.
    fn rows(&self) -> Vec<usize> {
        let (_, shown) = self.order_shown();
        let ordered = shown.iter().map(|placed| placed.position);
        let mut rows: BTreeSet<usize> = self.unplaced.iter().copied().chain(ordered).collect();
        let touched = rows.iter().map(|&position| &self.operations[position]);
        let (first, last) = span(touched);
        for (position, operation) in self.operations.iter().enumerate() {
            let meanwhile = operation.invoked <= last && end(operation).is_none_or(|end| end >= first);
            if rows.len() < ROWS_MAX && meanwhile {
                rows.insert(position);
            }
        }
        rows.into_iter().collect()
    }

    fn mark(&self, position: usize) -> String {
        if self.unplaced.contains(&position) {
            return "!".into();
        }
        let place = self.order.iter().position(|placed| placed.position == position);
        place.map_or(String::new(), |index| (index + 1).to_string())
    }
}

/// Moments to columns: every event in the window one step further, so that order shows whatever the distances.
struct Scale {
    moments: Vec<Moment>,
}

impl Scale {
    fn new<'a>(operations: impl Iterator<Item = &'a Operation>) -> Self {
        let events = operations.flat_map(|op| [Some(op.invoked), end(op)]);
        let moments: BTreeSet<Moment> = events.flatten().collect();
        Self { moments: moments.into_iter().collect() }
    }

    fn column(&self, moment: Moment) -> usize {
        let before = self.moments.partition_point(|&other| other < moment);
        before * (BAR_COLUMNS - 1) / self.moments.len().max(1)
    }

    fn bar(&self, operation: &Operation) -> String {
        let from = self.column(operation.invoked);
        let to = end(operation).map_or(BAR_COLUMNS - 1, |end| self.column(end));
        let fill = if end(operation).is_some() { '=' } else { '~' };
        let cell = |column: usize| match column {
            column if column < from || column > to => ' ',
            column if column == from => '[',
            column if column == to && fill == '=' => ']',
            _ => fill,
        };
        (0..BAR_COLUMNS).map(cell).collect()
    }
}

/// When the operation can have no further effect; none if that never is.
fn end(operation: &Operation) -> Option<Moment> {
    operation.reply().and(operation.completed)
}

fn span<'a>(operations: impl Iterator<Item = &'a Operation>) -> (Moment, Moment) {
    let mut span: Option<(Moment, Moment)> = None;
    for operation in operations {
        let last = end(operation).unwrap_or(operation.invoked);
        let (from, to) = span.unwrap_or((operation.invoked, last));
        span = Some((from.min(operation.invoked), to.max(last)));
    }
    span.unwrap_or_default()
}

fn what(operation: &Operation) -> String {
    let (call, outcome) = (&operation.call, &operation.outcome);
    match (operation.client, outcome) {
        (Some(client), _) => format!("c{client} {call} -> {outcome}"),
        (None, Outcome::Indeterminate) => "crash, not restarted".into(),
        (None, _) => "crash, restarted empty".into(),
    }
}

fn when(operation: &Operation) -> String {
    let from = operation.invoked.at;
    match (operation.completed, operation.reply()) {
        (Some(to), Some(_)) => format!("{from:?} to {:?}", to.at),
        (Some(to), None) => format!("{from:?}, given up {:?}", to.at),
        (None, _) => format!("{from:?}, no end"),
    }
}

/// The figures of a history. `Display` writes them as one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Operations of clients.
    pub operations: usize,
    /// Of these, how many had a reply,
    pub ok: usize,
    /// how many definitely did not happen,
    pub failed: usize,
    /// and how many may have.
    pub indeterminate: usize,
    /// Distinct clients.
    pub clients: usize,
    /// Distinct keys.
    pub keys: usize,
    /// Crashes that lost everything.
    pub wipes: usize,
    /// Operations by command name.
    pub calls: BTreeMap<&'static str, usize>,
}

impl Statistics {
    /// Counts.
    pub fn of(history: &History) -> Self {
        let all = history.operations();
        let count = |is: fn(&Outcome) -> bool| all.iter().filter(|op| is(&op.outcome)).count();
        let clients: BTreeSet<_> = all.iter().map(|op| op.client).collect();
        let keys: BTreeSet<_> = all.iter().map(|op| &op.key).collect();
        let mut calls = BTreeMap::new();
        for name in all.iter().map(|operation| Call::name(&operation.call)) {
            *calls.entry(name).or_default() += 1;
        }
        Self {
            operations: all.len(),
            ok: count(|outcome| matches!(outcome, Outcome::Ok(_))),
            failed: count(|outcome| *outcome == Outcome::Failed),
            indeterminate: count(|outcome| *outcome == Outcome::Indeterminate),
            clients: clients.len(),
            keys: keys.len(),
            wipes: history.wipes().len(),
            calls,
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, ok, failed, indeterminate, clients, keys, wipes, calls } = self;
        write!(f, "{operations} operations of {clients} clients on {keys} keys: ")?;
        write!(f, "{ok} ok, {failed} failed, {indeterminate} unknown, {wipes} wipes;")?;
        calls.iter().try_for_each(|(name, count)| write!(f, " {name} {count}"))
    }
}
