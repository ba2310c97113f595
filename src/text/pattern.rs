//! Glob patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET and ACL rules.
//!
//! `*` any bytes, `?` one byte, `[abc]`, `[a-z]`, `[^a]` one byte of (not of) a class, `\x` the byte x itself. All but
//! `*` match exactly one byte, so only the last `*` ever needs to be tried again: matching takes at most
//! pattern × text steps, no memory and no recursion.
//!
//! Kept from Redis, because users see them: a class that is not closed ends with the pattern; ranges compare bytes as
//! signed numbers; inside a class an escaped byte ignores [`Case::Ignored`]; an empty text matches only an empty pattern
//! (KEYS and SCAN take `*` for no pattern at all).

/// Whether letters of the two cases are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// They differ.
    Matters,
    /// They are the same (ASCII letters only).
    Ignored,
}

/// Whether the pattern matches the whole text.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut read) = (0, 0);
    // The last star: where the pattern goes on after it, and where in the text that was last tried.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            if at == pattern.len() {
                return true;
            }
            star = Some((at, read));
            continue;
        }
        match element(&pattern[at..], text[read], case) {
            Some(length) => {
                at += length;
                read += 1;
            }
            None => {
                let Some((after, tried)) = star else { return false };
                (at, read) = (after, tried + 1);
                star = Some((after, read));
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// The length of the pattern's first element, which is not a star, if it matches `byte`.
fn element(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', rest @ ..] => {
            let (length, matched) = class(rest, byte, case);
            matched.then_some(length + 1)
        }
        [b'\\', escaped, ..] => same(*escaped, byte, case).then_some(2),
        [literal, ..] => same(*literal, byte, case).then_some(1),
    }
}

fn same(a: u8, b: u8, case: Case) -> bool {
    a == b || (case == Case::Ignored && a.eq_ignore_ascii_case(&b))
}

/// The length of a class, what follows `[`, with its closing bracket if there is one; and whether it matches `byte`.
fn class(pattern: &[u8], byte: u8, case: Case) -> (usize, bool) {
    let negated = pattern.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut matched = false;
    loop {
        match pattern[at..] {
            [] => return (at, matched != negated),
            [b']', ..] => return (at + 1, matched != negated),
            [b'\\', escaped, ..] => {
                matched |= escaped == byte;
                at += 2;
            }
            [low, b'-', high, ..] => {
                matched |= in_range(low, high, byte, case);
                at += 3;
            }
            [literal, ..] => {
                matched |= same(literal, byte, case);
                at += 1;
            }
        }
    }
}

fn in_range(low: u8, high: u8, byte: u8, case: Case) -> bool {
    let (mut ends, mut byte) = ([low as i8, high as i8], byte);
    ends.sort_unstable();
    if case == Case::Ignored {
        ends = ends.map(|end| end.cast_unsigned().to_ascii_lowercase().cast_signed());
        byte = byte.to_ascii_lowercase();
    }
    (ends[0]..=ends[1]).contains(&byte.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(case: Case, yes: &[(&str, &str)], no: &[(&str, &str)]) {
        for (expected, pairs) in [(true, yes), (false, no)] {
            for (pattern, text) in pairs {
                assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), case), expected, "{pattern} {text}");
            }
        }
    }

    #[test]
    fn elements_match_what_they_stand_for() {
        let yes = [
            ("", ""),
            ("*", "a"),
            ("h?llo", "hello"),
            ("h*llo", "heeeello"),
            ("h*llo*", "hllo"),
            ("*a*b", "xaxaxb"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hbllo"),
            ("h[a-b]llo", "hbllo"),
            ("h[b-a]llo", "hallo"),
            (r"\*\?", "*?"),
            (r"[\]a]x", "]x"),
            ("a**", "a"),
        ];
        let no = [
            ("", "a"),
            ("*", ""),
            ("?", ""),
            ("h?llo", "hllo"),
            ("h[ae]llo", "hillo"),
            ("h[^e]llo", "hello"),
            ("a", "A"),
            (r"\*", "x"),
            ("ab", "a"),
            ("*a", "ab"),
        ];
        check(Case::Matters, &yes, &no);
    }

    #[test]
    fn odd_patterns_are_read_as_the_server_reads_them() {
        let yes = [
            ("[abc", "c"),
            ("[^", "x"),
            ("[a-", "-"),
            (r"[\", r"\"),
            ("[a-]", "_"),
            (r"a\", r"a\"),
            ("[^]", "x"),
        ];
        let no = [("[", "["), ("[]", "]"), ("[abc", "d"), ("[^", "xy")];
        check(Case::Matters, &yes, &no);
        assert!(matches(b"[\x01-\xff]", b"\x00", Case::Matters), "bytes are signed");
        assert!(!matches(b"[\x01-\xff]", b"a", Case::Matters), "bytes are signed");
    }

    #[test]
    fn case_can_be_ignored() {
        check(
            Case::Ignored,
            &[("MAX*", "maxmemory"), ("[A-C]x", "bX"), ("[Q]", "q"), (r"\Q", "q")],
            &[(r"[\Q]", "q")],
        );
    }

    #[test]
    fn stars_do_not_blow_up() {
        let pattern = [b"*a".repeat(5_000), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(5_000), Case::Matters));
    }

    proptest! {
        #[test]
        fn a_text_matches_itself_escaped(text in prop::collection::vec(any::<u8>(), 0..20)) {
            let pattern: Vec<u8> = text.iter().flat_map(|byte| [b'\\', *byte]).collect();
            prop_assert!(matches(&pattern, &text, Case::Matters));
        }

        #[test]
        fn stars_and_literals_match_as_find_does(parts in prop::collection::vec("[ab]{0,2}", 1..5), text in "[ab]{1,12}") {
            let mut rest = text.as_str();
            let mut found = true;
            for part in &parts {
                match rest.find(part.as_str()) {
                    Some(at) => rest = &rest[at + part.len()..],
                    None => found = false,
                }
            }
            let pattern = format!("*{}*", parts.join("*"));
            prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), Case::Matters), found);
        }
    }
}
