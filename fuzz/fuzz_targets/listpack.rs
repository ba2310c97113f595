//! Bytes that say they are a listpack, and bytes that say they are compressed: refused, or sound to the last element, whatever
//! is done with them afterwards.
//!
//! Input: a byte that says what to do and where, then the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::types::{Item, Listpack, ListpackRef, lzf};

fn texts(view: ListpackRef<'_>) -> Vec<Vec<u8>> {
    view.iter().map(Item::to_vec).collect()
}

/// Both directions, every position and every element's text lead to the same elements.
fn check_reading(view: ListpackRef<'_>) {
    let texts = texts(view);
    assert_eq!(view.len(), texts.len());
    assert!(view.iter().rev().map(Item::to_vec).eq(texts.iter().rev().cloned()));
    for (at, text) in texts.iter().enumerate().take(64) {
        let place = view.seek(at as i64).expect("an element");
        assert_eq!(&view.get(place).to_vec(), text);
        assert_eq!(view.seek(at as i64 - texts.len() as i64), Some(place));
        if let Some(found) = view.find(view.start(), text, 0) {
            assert_eq!(&view.get(found).to_vec(), text);
        }
    }
    assert_eq!(view.seek(texts.len() as i64), None);
}

/// Changes an element, and the row of texts in the same way.
fn change(pack: &mut Listpack, texts: &mut Vec<Vec<u8>>, choice: u8, text: &[u8]) {
    let at = usize::from(choice >> 3) % (texts.len() + 1);
    let place = pack.view().seek(at as i64).unwrap_or(pack.view().end());
    match choice & 7 {
        0 if at < texts.len() => {
            pack.replace(place, Item::of(text));
            texts[at] = text.to_vec();
        }
        1 if at < texts.len() => {
            pack.remove(place);
            texts.remove(at);
        }
        2 => {
            pack.remove_many(place, 3);
            texts.drain(at..(at + 3).min(texts.len()));
        }
        3 => {
            pack.append(pack.clone().view());
            texts.extend_from_within(..);
        }
        4 => {
            pack.retain(|item| item.text_len() % 2 == 0);
            texts.retain(|text| text.len() % 2 == 0);
        }
        _ => {
            pack.insert(place, Item::of(text));
            texts.insert(at, text.to_vec());
        }
    }
}

fn check_compression(bytes: &[u8], length: usize) {
    assert!(lzf::decompress(bytes, length).is_none_or(|text| text.len() == length));
    let packed = lzf::compress(bytes, usize::MAX).expect("no limit");
    assert_eq!(lzf::decompress(&packed, bytes.len()).as_deref(), Some(bytes));
}

fuzz_target!(|data: &[u8]| {
    let [choice, bytes @ ..] = data else { return };
    check_compression(bytes, usize::from(*choice) * 4);
    // Otherwise hardly any input would get past its first four bytes.
    let mut whole = bytes.to_vec();
    let total = (whole.len() as u32).to_le_bytes();
    whole.iter_mut().zip(total).for_each(|(byte, of_total)| *byte = of_total);
    let Some(view) = ListpackRef::parse(&whole) else { return };
    check_reading(view);
    let (mut texts, mut pack) = (texts(view), Listpack::from_bytes(whole));
    change(&mut pack, &mut texts, *choice, &bytes[..bytes.len().min(70)]);
    assert!(ListpackRef::parse(pack.view().bytes()).is_some(), "well formed after a change");
    assert_eq!(pack.view().iter().map(Item::to_vec).collect::<Vec<_>>(), texts);
});
