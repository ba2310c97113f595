//! The order of elements.

use std::cmp::Ordering;

use super::load::Loaded;
use super::lookup::by_pattern;
use super::options::Options;
use crate::engine::{Call, Failure};
use crate::text::float::parse_f64;

const NOT_NUMBERS: Failure = Failure::fixed("ERR One or more scores can't be converted into double");

/// The elements in order, and of these the ones that LIMIT asks for.
pub(super) fn sorted(
    call: &mut Call<'_>,
    loaded: Loaded,
    options: &Options<'_>,
) -> Result<Vec<Vec<u8>>, Failure> {
    if loaded.cut {
        return Ok(loaded.texts);
    }
    let window = options.window(loaded.texts.len());
    let mut texts = match (options.unsorted, options.alpha) {
        (true, _) => loaded.texts,
        (false, true) => alphabetical(call, loaded.texts, options),
        (false, false) => numerical(call, loaded.texts, options)?,
    };
    texts.truncate(window.end);
    texts.drain(..window.start);
    Ok(texts)
}

fn directed(order: Ordering, options: &Options<'_>) -> Ordering {
    if options.descending { order.reverse() } else { order }
}

/// By the texts themselves, or by those that other keys hold; what has none comes first.
fn alphabetical(call: &mut Call<'_>, texts: Vec<Vec<u8>>, options: &Options<'_>) -> Vec<Vec<u8>> {
    let Some(pattern) = options.by else {
        let mut texts = texts;
        texts.sort_by(|a, b| directed(a.cmp(b), options));
        return texts;
    };
    let weigh = |text: Vec<u8>| (by_pattern(call, pattern, &text), text);
    let mut weighed: Vec<_> = texts.into_iter().map(weigh).collect();
    weighed.sort_by(|(a, _), (b, _)| directed(a.cmp(b), options));
    weighed.into_iter().map(|(_, text)| text).collect()
}

/// By numbers; where these are equal, by the texts.
fn numerical(
    call: &mut Call<'_>,
    texts: Vec<Vec<u8>>,
    options: &Options<'_>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut weigh = |text: Vec<u8>| {
        let number = match options.by {
            None => Some(number(&text)?),
            Some(pattern) => by_pattern(call, pattern, &text).map(|found| number(&found)).transpose()?,
        };
        Ok((number.unwrap_or(0.0), text))
    };
    let mut weighed = texts.into_iter().map(&mut weigh).collect::<Result<Vec<_>, Failure>>()?;
    let order = |(a, x): &(f64, Vec<u8>), (b, y): &(f64, Vec<u8>)| {
        // None is a NaN, so any two compare.
        a.partial_cmp(b).unwrap_or(Ordering::Equal).then_with(|| x.cmp(y))
    };
    weighed.sort_by(|a, b| directed(order(a, b), options));
    Ok(weighed.into_iter().map(|(_, text)| text).collect())
}

/// As C's strtod sees a text: it ends with its first zero byte, and an empty one counts as 0.
fn number(text: &[u8]) -> Result<f64, Failure> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Ok(0.0);
    }
    parse_f64(text.trim_ascii_start()).ok_or(NOT_NUMBERS)
}
