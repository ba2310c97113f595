//! Scripts and functions: what is held ready, and running it.
//!
//! Scripts are known by the SHA-1 of their text; those that came with EVAL go again when there are many, those of SCRIPT LOAD
//! stay. Libraries hold functions, which are known by their names. Neither runs here: the machine (see
//! [`script`](crate::script)) does that, and calls back for each command.
//!
//! A script that runs for long is left in its middle ([`Flow::Script`](super::Flow::Script)): its unit of effects stays open, no
//! other request touches the data set, and nothing expires or is evicted, until it has ended.

mod flags;
mod library;
mod run;

pub use flags::{FLAG_NAMES, Shebang};
pub use library::{Existing, Libraries, Library};
pub use run::{Kind, LongRun, Runnable};

use std::collections::BTreeMap;

use super::transaction::Left;
use super::{Engine, Failure};
use crate::script::{CodeId, Limits, Machine, Outcome};
use run::Suspended;

/// Scripts of EVAL beyond this many are forgotten, the one first that was not used for longest.
const EVALUATED_MAX: usize = 500;

/// The SHA-1 of a script's text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sha([u8; 20]);

impl Sha {
    /// Of a text.
    pub fn of(text: &[u8]) -> Sha {
        Sha(sha1_smol::Sha1::from(text).digest().bytes())
    }

    /// Reads forty hexadecimal digits of either case.
    pub fn parse(text: &[u8]) -> Option<Sha> {
        let mut bytes = [0; 20];
        if text.len() != 40 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Sha(bytes))
    }

    /// Forty digits in lower case.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// A script that is held ready.
#[derive(Debug)]
struct Script {
    text: Box<[u8]>,
    code: CodeId,
    shebang: Option<Shebang>,
    /// Stays until it is flushed.
    loaded: bool,
    /// When it was last used, counted in runs.
    used: u64,
}

/// All of them, and the machine.
#[derive(Debug, Default)]
pub struct Scripts {
    /// None before the first script, and while a script runs.
    machine: Option<Machine>,
    cache: BTreeMap<Sha, Script>,
    evaluated: usize,
    runs: u64,
    libraries: Libraries,
    suspended: Option<Box<Suspended>>,
    /// Scripts that were forgotten to make room for others.
    pub evicted: u64,
    text_bytes: usize,
    library_bytes: usize,
    /// What the machine held when it last stopped.
    machine_bytes: usize,
}

/// What scripts take, for INFO and MEMORY STATS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScriptFigures {
    /// Scripts held ready.
    pub scripts: usize,
    /// Scripts forgotten to make room.
    pub evicted: u64,
    /// Bytes that the machine holds.
    pub machine_bytes: usize,
    /// Bytes of scripts' texts and what is known of them.
    pub cache_bytes: usize,
    /// Libraries.
    pub libraries: usize,
    /// Functions.
    pub functions: usize,
    /// Bytes of libraries.
    pub library_bytes: usize,
}

impl Scripts {
    /// What they take.
    pub fn figures(&self) -> ScriptFigures {
        ScriptFigures {
            scripts: self.cache.len(),
            evicted: self.evicted,
            machine_bytes: self.machine_bytes,
            cache_bytes: self.cache_bytes(),
            libraries: self.libraries.len(),
            functions: self.libraries.function_count(),
            library_bytes: self.library_bytes,
        }
    }

    /// Keeps a transaction whose script was left in its middle.
    pub(super) fn leave_transaction(&mut self, left: Left) {
        if let Some(suspended) = &mut self.suspended {
            suspended.keep_transaction(left);
        }
    }

    fn cache_bytes(&self) -> usize {
        self.text_bytes + self.cache.len() * size_of::<(Sha, Script)>()
    }

    /// Bytes that scripts, libraries and the machine take.
    pub fn memory_bytes(&self) -> usize {
        self.machine_bytes + self.cache_bytes() + self.library_bytes
    }

    /// Takes up what the machine holds now.
    fn measure(&mut self) {
        self.machine_bytes = self.machine.as_ref().map_or(self.machine_bytes, Machine::memory_bytes);
    }

    /// Whether a script of this name is held ready.
    pub fn knows(&self, sha: Sha) -> bool {
        self.cache.contains_key(&sha)
    }

    /// The text of a script that is held ready.
    pub fn text(&self, sha: Sha) -> Option<&[u8]> {
        self.cache.get(&sha).map(|script| &*script.text)
    }

    /// The libraries.
    pub fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    fn machine(&mut self) -> Result<&mut Machine, Failure> {
        let none = Failure::fixed("ERR Lua engine is not available");
        if self.machine.is_none() {
            self.machine = Some(Machine::new(Limits::default()).map_err(|_| none.clone())?);
        }
        self.machine.as_mut().ok_or(none)
    }

    fn forget(&mut self, sha: Sha) {
        let Some(script) = self.cache.remove(&sha) else { return };
        self.text_bytes -= script.text.len();
        self.evaluated -= usize::from(!script.loaded);
        if let Some(machine) = &mut self.machine {
            machine.forget(script.code);
        }
    }

    /// Makes room for one more script of EVAL.
    fn evict(&mut self) {
        if self.evaluated < EVALUATED_MAX {
            return;
        }
        let evaluated = self.cache.iter().filter(|(_, script)| !script.loaded);
        let oldest = evaluated.min_by_key(|(_, script)| script.used).map(|(sha, _)| *sha);
        if let Some(sha) = oldest {
            self.forget(sha);
            self.evicted += 1;
        }
    }
}

impl Engine {
    /// Holds a script ready; it stays if it was `loaded` for that.
    pub fn hold_script(&mut self, text: &[u8], loaded: bool) -> Result<Sha, Failure> {
        let sha = Sha::of(text);
        let scripts = &mut self.scripts;
        if let Some(script) = scripts.cache.get_mut(&sha) {
            scripts.evaluated -= usize::from(loaded && !script.loaded);
            script.loaded |= loaded;
            return Ok(sha);
        }
        let shebang = Shebang::of_script(text)?;
        let code = match scripts.machine()?.compile(text) {
            Outcome::Compiled(code) => code,
            Outcome::NotCompiled(why) => {
                let why = String::from_utf8_lossy(&why).into_owned();
                return Err(Failure::new(format!("ERR Error compiling script (new function): {why}")));
            }
            _ => return Err(Failure::fixed("ERR Error compiling script")),
        };
        if !loaded {
            scripts.evict();
            scripts.evaluated += 1;
        }
        scripts.text_bytes += text.len();
        let used = scripts.runs;
        scripts.measure();
        scripts.cache.insert(sha, Script { text: text.into(), code, shebang, loaded, used });
        Ok(sha)
    }

    /// A script that is held ready, to be run.
    pub fn script_to_run(&mut self, sha: Sha) -> Option<Runnable> {
        let scripts = &mut self.scripts;
        let script = scripts.cache.get_mut(&sha)?;
        scripts.runs += 1;
        script.used = scripts.runs;
        Some(Runnable { code: script.code, kind: Kind::Script(sha), shebang: script.shebang })
    }

    /// Forgets all scripts; with them goes all that Lua holds for them.
    pub fn flush_scripts(&mut self) {
        let all: Vec<Sha> = self.scripts.cache.keys().copied().collect();
        all.into_iter().for_each(|sha| self.scripts.forget(sha));
        if let Some(machine) = &mut self.scripts.machine {
            machine.collect();
        }
        self.scripts.measure();
    }
}
