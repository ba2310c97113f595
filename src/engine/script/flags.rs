//! The first line of a script or library: `#!lua name=mylib flags=no-writes,allow-oom`.

use crate::engine::Failure;

/// The flags' names in their order.
pub const FLAG_NAMES: [&str; 5] =
    ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

/// What a script says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shebang {
    /// It does not write.
    pub no_writes: bool,
    /// It may run when memory is full.
    pub allow_oom: bool,
    /// It may run on a replica that has lost its primary.
    pub allow_stale: bool,
    /// It may not run in a cluster.
    pub no_cluster: bool,
    /// Its keys may lie in different slots.
    pub allow_cross_slot_keys: bool,
}

impl Shebang {
    /// Adds a flag; false if there is none of this name.
    pub fn add(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }

    /// The first line of a script, if it is one; a script without is as all were before there were such lines.
    pub(super) fn of_script(text: &[u8]) -> Result<Option<Shebang>, Failure> {
        let Some(line) = first_line(text)? else { return Ok(None) };
        let mut words = words(line);
        let engine = words.next().unwrap_or_default();
        if engine != b"#!lua" {
            return Err(quoted("ERR Unexpected engine in script shebang: ", engine));
        }
        let mut shebang = Shebang::default();
        for word in words {
            let Some(names) = word.strip_prefix(b"flags=") else {
                return Err(quoted("ERR Unknown lua shebang option: ", word));
            };
            for name in names.split(|byte| *byte == b',').filter(|name| !name.is_empty()) {
                if !shebang.add(name) {
                    return Err(quoted("ERR Unexpected flag in script shebang: ", name));
                }
            }
        }
        Ok(Some(shebang))
    }
}

/// The name that a library's first line gives it.
pub(super) fn library_name(text: &[u8]) -> Result<Vec<u8>, Failure> {
    if !text.starts_with(b"#!") {
        return Err(Failure::fixed("ERR Missing library metadata"));
    }
    let Some(end) = memchr::memchr(b'\n', text) else {
        return Err(Failure::fixed("ERR Invalid library metadata"));
    };
    let mut words = words(&text[..end]);
    let engine = &words.next().unwrap_or_default()[2..];
    let mut name = None;
    for word in words {
        let Some(given) = strip_prefix_any_case(word, b"name=") else {
            return Err(quoted("ERR Invalid metadata value given: ", word));
        };
        if name.replace(given.to_vec()).is_some() {
            return Err(Failure::fixed("ERR Invalid metadata value, name argument was given multiple times"));
        }
    }
    let Some(name) = name else { return Err(Failure::fixed("ERR Library name was not given")) };
    if name.is_empty() || !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return Err(Failure::fixed(
            "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character \
             long",
        ));
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        let engine = String::from_utf8_lossy(engine);
        return Err(Failure::new(format!("ERR Engine '{engine}' not found")));
    }
    Ok(name)
}

fn strip_prefix_any_case<'a>(word: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = word.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn first_line(text: &[u8]) -> Result<Option<&[u8]>, Failure> {
    if !text.starts_with(b"#!") {
        return Ok(None);
    }
    let end = memchr::memchr(b'\n', text).ok_or(Failure::fixed("ERR Invalid script shebang"))?;
    Ok(Some(&text[..end]))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

fn quoted(text: &str, word: &[u8]) -> Failure {
    Failure::new([text.as_bytes(), word].concat())
}
