//! Checks of texts that are not free: file names, host names, the process title.

fn bare_name(name: &[u8], parameter: &str, thing: &str) -> Result<(), String> {
    let is_path = name.iter().any(|byte| matches!(byte, b'/' | b'\\'));
    if is_path { Err(format!("{parameter} can't be a path, just a {thing}")) } else { Ok(()) }
}

fn filled_name(name: &[u8], parameter: &str, thing: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("{parameter} can't be empty"));
    }
    bare_name(name, parameter, thing)
}

pub(super) fn dump_file_name(name: &[u8]) -> Result<(), String> {
    bare_name(name, "dbfilename", "filename")
}

pub(super) fn append_file_name(name: &[u8]) -> Result<(), String> {
    filled_name(name, "appendfilename", "filename")
}

pub(super) fn append_dir_name(name: &[u8]) -> Result<(), String> {
    filled_name(name, "appenddirname", "dirname")
}

pub(super) fn host_name(name: &[u8]) -> Result<(), String> {
    const LENGTH_MAX: usize = 255;
    if name.len() > LENGTH_MAX {
        return Err(format!("Hostnames must be less than {} characters", LENGTH_MAX + 1));
    }
    let valid = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if valid {
        Ok(())
    } else {
        Err("Hostnames may only contain alphanumeric characters, hyphens or dots".to_owned())
    }
}

/// Variables that a process title may show.
const TITLE_VARIABLES: [&str; 7] =
    ["title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"];

pub(super) fn title_template(template: &[u8]) -> Result<(), String> {
    let invalid = || "template format is invalid or contains unknown variables".to_owned();
    let text = std::str::from_utf8(template).map_err(|_| invalid())?;
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        if rest[start..].starts_with("{{") {
            rest = &rest[start + 2..];
            continue;
        }
        let length = rest[start..].find('}').ok_or_else(invalid)?;
        let variable = &rest[start + 1..start + length];
        if !TITLE_VARIABLES.contains(&variable) {
            return Err(invalid());
        }
        rest = &rest[start + length + 1..];
    }
    if text.trim().is_empty() { Err(invalid()) } else { Ok(()) }
}
