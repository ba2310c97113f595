//! Running a script: the machine stops for each command that the script calls; the rules for scripts are applied, the command
//! is run inside the script's unit of effects, and the machine goes on with the reply.

use super::{Sha, Shebang};
use crate::engine::command::Flag;
use crate::engine::effects::Audience;
use crate::engine::gates;
use crate::engine::session::{ClientRole, SessionHandle};
use crate::engine::table::{CommandId, Row};
use crate::engine::transaction::Left;
use crate::engine::{Call, Engine, Failure, Flow, Nested, Prepared, Source};
use crate::protocol::reply::{Reply, Version};
use crate::protocol::request::{OwnedRequest, Request};
use crate::runtime::{Monotonic, Now};
use crate::script::{CodeId, Machine, Outcome, Run, Step, Thrown};

/// What is run, as errors name it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A script.
    Script(Sha),
    /// A function of this name.
    Function(Box<[u8]>),
}

/// A script or function that is held ready.
#[derive(Clone, Debug)]
pub struct Runnable {
    pub(super) code: CodeId,
    pub(super) kind: Kind,
    pub(super) shebang: Option<Shebang>,
}

/// A run that has not ended.
#[derive(Debug)]
struct Running {
    client: SessionHandle,
    kind: Kind,
    read_only: bool,
    /// Commands that need memory are refused.
    is_memory_full: bool,
    /// Whether it has called a command that writes: then it cannot be killed.
    wrote: bool,
    /// The time stands still for it.
    now: Now,
    /// The client's database, which a script changes for itself only.
    db: usize,
    version: Version,
}

/// A run that was left in its middle.
#[derive(Debug)]
pub(super) struct Suspended {
    running: Running,
    machine: Machine,
    /// Its command, once that is known.
    id: Option<CommandId>,
    request: OwnedRequest,
    kill: bool,
    /// The transaction that it belongs to.
    transaction: Option<Left>,
}

impl Suspended {
    /// Keeps the transaction around it.
    pub(super) fn keep_transaction(&mut self, left: Left) {
        self.transaction = Some(left);
    }
}

/// What is known of a script that runs for long.
#[derive(Clone, Copy, Debug)]
pub struct LongRun<'a> {
    /// What it is.
    pub kind: &'a Kind,
    /// Its command.
    pub request: &'a OwnedRequest,
    /// Since when it runs.
    pub since: Monotonic,
}

const NOT_ALLOWED: Failure = Failure::fixed("ERR This Redis command is not allowed from script");
const BUSY_SCRIPT: Failure =
    Failure::fixed("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
const BUSY_FUNCTION: Failure = Failure::fixed(
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);

impl Kind {
    /// What other clients are told while it runs for too long.
    fn busy(&self) -> Failure {
        match self {
            Kind::Script(_) => BUSY_SCRIPT,
            Kind::Function(_) => BUSY_FUNCTION,
        }
    }
}

impl Call<'_> {
    /// Runs a script or function with the arguments from `first` on, of which `keys` are keys. If it runs for long, the
    /// node is asked to come back ([`Flow::Script`]).
    pub fn run_script(
        &mut self,
        runnable: Runnable,
        (first, keys): (usize, usize),
        read_only: bool,
    ) -> Result<(), Failure> {
        let mut running = self.begin_script(&runnable, read_only)?;
        let mut machine = self.engine.scripts.machine.take().ok_or(NOT_ALLOWED)?;
        let (request, version, time_us) = (self.request, running.version, self.now.wall.0);
        let is_function = matches!(runnable.kind, Kind::Function(_));
        let step = machine.start(|run: &mut Run| {
            run.words.clear();
            request.iter_from(first).for_each(|word| run.words.push(word));
            (run.code, run.is_function, run.keys) = (runnable.code, is_function, keys);
            (run.version, run.time_us) = (version, time_us);
        });
        match self.engine.drive(&mut machine, &mut running, step) {
            Some(outcome) => {
                let ended = self.engine.end_script(&running, outcome, &mut machine, &mut self.reply);
                self.engine.scripts.machine = Some(machine);
                self.propagate_nothing();
                ended
            }
            None => {
                let request = self.request.to_owned();
                let suspended =
                    Suspended { running, machine, id: None, request, kill: false, transaction: None };
                self.engine.scripts.suspended = Some(Box::new(suspended));
                self.then(Flow::Script);
                Ok(())
            }
        }
    }

    fn begin_script(&mut self, runnable: &Runnable, read_only: bool) -> Result<Running, Failure> {
        let is_memory_full = self.engine.config.maxmemory_bytes != 0 && self.engine.is_memory_full();
        let is_stale = self.engine.is_master_down();
        if is_stale && !runnable.shebang.is_some_and(|shebang| shebang.allow_stale) {
            let writes = runnable.shebang.is_some_and(|shebang| !shebang.no_writes);
            return Err(if writes && self.engine.is_read_only() {
                gates::READ_ONLY
            } else {
                gates::MASTER_DOWN
            });
        }
        if let Some(shebang) = runnable.shebang {
            if !shebang.no_writes
                && let Some(failure) = gates::writes_refused(self.engine)
            {
                return Err(failure);
            }
            if !shebang.no_writes && self.engine.is_read_only() && self.session().role != ClientRole::Primary
            {
                return Err(gates::READ_ONLY);
            }
            if read_only && !shebang.no_writes {
                return Err(Failure::fixed(
                    "ERR Can not execute a script with write flag using *_ro command.",
                ));
            }
            if is_memory_full && !shebang.allow_oom && !shebang.no_writes {
                return Err(Failure::fixed(
                    "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
                ));
            }
        }
        let shebang = runnable.shebang.unwrap_or_default();
        Ok(Running {
            client: self.client,
            kind: runnable.kind.clone(),
            read_only: read_only || shebang.no_writes,
            is_memory_full: is_memory_full && !shebang.allow_oom,
            wrote: false,
            now: self.now,
            db: self.session().db,
            version: self.reply.version(),
        })
    }
}

impl Engine {
    /// Serves the machine until the script has ended (its outcome) or has run for a while (`None`).
    fn drive(&mut self, machine: &mut Machine, running: &mut Running, mut step: Step) -> Option<Outcome> {
        loop {
            step = match step {
                Step::Call => {
                    let (log, replicas) = machine.replicates();
                    self.effects.set_audience(Audience { log, replicas });
                    machine.with_call(|request, reply, version| {
                        self.call_from_script(running, request.request(), reply, version);
                    });
                    machine.go_on()
                }
                Step::Ask => {
                    let known = machine
                        .with_call(|request, _, _| self.prepare(0, request.request()).command.is_some());
                    // There is but one user, who may do everything.
                    machine.answer(known.then_some(true));
                    machine.go_on()
                }
                Step::Slice => return None,
                Step::Done(outcome) => return Some(outcome),
            }
        }
    }

    fn call_from_script(
        &mut self,
        running: &mut Running,
        request: Request<'_>,
        reply: &mut Vec<u8>,
        version: Version,
    ) {
        let client = running.client;
        let prepared = self.prepare(self.sessions[client].db, request);
        let may = match self.check_from_script(running, request, prepared) {
            Ok(()) => {
                let how = Nested { version, source: Source::Script };
                let job = self.run_nested(client, request, prepared, reply, running.now, how);
                if job.is_some() { Err(NOT_ALLOWED) } else { Ok(()) }
            }
            refused => refused,
        };
        if let Err(failure) = may {
            self.count_rejected(prepared, &failure);
            reply.clear();
            Reply::new(reply, version).error(failure.text());
        }
    }

    /// The rules for scripts.
    fn check_from_script(
        &self,
        running: &mut Running,
        request: Request<'_>,
        prepared: Prepared,
    ) -> Result<(), Failure> {
        let row: &Row = match prepared.command.map(|id| self.table.row(id)) {
            Some(row) if row.subcommands.is_empty() || request.len() == 1 => row,
            _ => return Err(Failure::fixed("ERR Unknown Redis command called from script")),
        };
        if !row.command.arity_fits(request.len()) {
            return Err(Failure::fixed("ERR Wrong number of args calling Redis command from script"));
        }
        if row.has(Flag::NoScript) {
            return Err(NOT_ALLOWED);
        }
        if row.has(Flag::Write) && running.read_only {
            return Err(Failure::fixed("ERR Write commands are not allowed from read-only scripts."));
        }
        if row.has(Flag::DenyOom) && running.is_memory_full && !running.wrote {
            return Err(Failure::OOM);
        }
        if row.has(Flag::Write)
            && self.is_read_only()
            && self.sessions[running.client].role != ClientRole::Primary
        {
            return Err(gates::READ_ONLY);
        }
        if row.has(Flag::Write)
            && let Some(failure) = gates::writes_refused(self)
        {
            return Err(failure);
        }
        if self.is_master_down() && !row.has(Flag::Stale) {
            return Err(Failure::fixed("ERR Can not execute the command on a stale replica"));
        }
        running.wrote |= row.has(Flag::Write);
        Ok(())
    }

    /// Answers for a script that has ended.
    fn end_script(
        &mut self,
        running: &Running,
        outcome: Outcome,
        machine: &mut Machine,
        reply: &mut Reply<'_>,
    ) -> Result<(), Failure> {
        self.effects.set_audience(Audience::ALL);
        self.scripts.machine_bytes = machine.memory_bytes();
        self.sessions[running.client].db = running.db;
        match outcome {
            Outcome::Thrown(thrown) => {
                let text = explained(&thrown, &running.kind);
                if !thrown.counted {
                    return Err(Failure::new(text));
                }
                reply.error(text);
            }
            _ => machine.with_result(|result| reply.raw(result)),
        }
        Ok(())
    }

    /// Notes which command a script that was just left belongs to; then, which command the transaction around it does.
    pub(in crate::engine) fn note_suspended(&mut self, id: CommandId) {
        let Some(suspended) = &mut self.scripts.suspended else { return };
        match &mut suspended.transaction {
            Some(transaction) => transaction.id = transaction.id.or(Some(id)),
            None => suspended.id = suspended.id.or(Some(id)),
        }
    }

    /// Whether a script was left in its middle: then nothing else may touch the data set.
    #[inline]
    pub fn is_script_suspended(&self) -> bool {
        self.scripts.suspended.is_some()
    }

    /// The script that was left in its middle.
    pub fn long_run(&self) -> Option<LongRun<'_>> {
        let suspended = self.scripts.suspended.as_deref()?;
        let Suspended { running, request, .. } = suspended;
        Some(LongRun { kind: &running.kind, request, since: running.now.mono })
    }

    /// While a script runs for long: until when others wait, or what they are told once it has run too long.
    #[cold]
    pub(in crate::engine) fn while_script_runs(
        &self,
        row: &Row,
        now: Now,
    ) -> Result<Option<Monotonic>, Failure> {
        let Some(long) = self.long_run() else { return Ok(None) };
        let patience = std::time::Duration::from_millis(self.config.busy_reply_threshold_ms);
        let busy_from = long.since + patience;
        if now.mono < busy_from {
            Ok(Some(busy_from))
        } else if row.has(Flag::AllowBusy) {
            Ok(None)
        } else {
            Err(long.kind.busy())
        }
    }

    /// An error while a script was left in its middle.
    pub fn refuse_while_script_runs(&self) -> Result<(), Failure> {
        self.long_run().map_or(Ok(()), |long| Err(long.kind.busy()))
    }

    /// Goes on with the script that was left in its middle; its reply is appended to `out` once it has ended.
    pub fn resume_script(&mut self, out: &mut Vec<u8>, now: Now) -> Flow {
        let Some(mut suspended) = self.scripts.suspended.take() else { return Flow::Continue };
        let machine = &mut suspended.machine;
        let step = if suspended.kill { machine.kill() } else { machine.go_on() };
        let Some(outcome) = self.drive(machine, &mut suspended.running, step) else {
            self.scripts.suspended = Some(suspended);
            return Flow::Script;
        };
        let start = out.len();
        let Suspended { running, mut machine, id, request, mut transaction, .. } = *suspended;
        if let Some(transaction) = &mut transaction {
            out.append(&mut transaction.take_replies());
        }
        let reply_start = out.len();
        let mut reply = Reply::new(out, running.version);
        let ended = self.end_script(&running, outcome, &mut machine, &mut reply);
        self.scripts.machine = Some(machine);
        self.effects.end();
        if let Err(failure) = ended {
            if let Some(id) = id {
                self.stats.commands[id as usize].failed += 1;
            }
            self.stats.count_error(failure.code());
            Reply::new(out, running.version).error(failure.text());
        }
        self.reply_bytes = out.len() - reply_start;
        self.uncounted = false;
        let (client, begun) = (running.client, running.now);
        let prepared = Prepared { command: id, key: None };
        self.count_time(client, request.request(), prepared, now.mono - begun.mono, now);
        let flow = match transaction {
            Some(left) => self.resume_transaction(client, left, out, start, (begun, now)),
            None => {
                self.apply_reply_mode(client, out, start);
                Flow::Continue
            }
        };
        if flow != Flow::Script {
            if self.effects.wanted() {
                self.note_write(client);
            }
            self.wake_all();
            self.serve_waiting(now);
        }
        flow
    }

    /// SCRIPT KILL, or FUNCTION KILL.
    pub fn kill_script(&mut self, functions: bool) -> Result<(), Failure> {
        let Some(suspended) = &mut self.scripts.suspended else {
            return Err(Failure::fixed("NOTBUSY No scripts in execution right now."));
        };
        if suspended.running.wrote {
            return Err(Failure::fixed(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait \
                 the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            ));
        }
        if functions != matches!(suspended.running.kind, Kind::Function(_)) {
            return Err(suspended.running.kind.busy());
        }
        suspended.kill = true;
        Ok(())
    }
}

/// The error that the client reads.
fn explained(thrown: &Thrown, kind: &Kind) -> Vec<u8> {
    let mut text = thrown.text.strip_prefix(b"-").unwrap_or(&thrown.text).to_vec();
    if let Some((source, line)) = &thrown.place {
        text.extend_from_slice(b" script: ");
        match kind {
            Kind::Script(sha) => text.extend_from_slice(sha.to_hex().as_bytes()),
            Kind::Function(name) => text.extend_from_slice(name),
        }
        text.extend_from_slice(b", on ");
        text.extend_from_slice(source);
        text.extend_from_slice(format!(":{line}.").as_bytes());
    }
    text
}
