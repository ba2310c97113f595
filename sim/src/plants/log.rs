//! Mistakes in what is appended to the log.

/// Cuts MULTI and EXEC out of what is written to an increment.
pub(super) fn unwrap(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    let mut out = Vec::with_capacity(bytes.len());
    while let Some(first) = rest.first() {
        let cut = [&b"*1\r\n$5\r\nMULTI\r\n"[..], b"*1\r\n$4\r\nEXEC\r\n"];
        match cut.into_iter().find(|word| path.contains(".incr") && rest.starts_with(word)) {
            Some(word) => rest = &rest[word.len()..],
            None => {
                out.push(*first);
                rest = &rest[1..];
            }
        }
    }
    out
}
