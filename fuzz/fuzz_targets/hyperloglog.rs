//! Whatever a string holds that calls itself a sketch: no panic; a well-formed one keeps its registers whatever its form,
//! counts the same in both, and never counts less after a text was counted in.
//!
//! Input: how long a sparse sketch may become, a text to be counted in (its length, then it), and the sketch behind its
//! magic word.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::types::hyperloglog::{self as sketches, Registers};

fn registers(sketch: &[u8]) -> Option<Vec<u8>> {
    let mut registers = Registers::default();
    registers.merge(sketch).ok()?;
    Some(registers.iter().collect())
}

fn check_forms(sketch: &[u8]) {
    let mut dense = sketch.to_vec();
    let made = sketches::make_dense(&mut dense);
    let before = registers(sketch);
    assert_eq!(made.is_ok(), before.is_some(), "a malformed sketch is one to all");
    if made.is_ok() {
        assert_eq!(registers(&dense), before);
        assert_eq!(sketches::count(&dense), sketches::count(sketch));
    }
}

fn check_adding(mut sketch: Vec<u8>, text: &[u8], sparse_max: usize) {
    let (before, length) = (registers(&sketch), sketch.len());
    let added = sketches::add(&mut sketch, text, sparse_max);
    assert!(sketches::is_sketch(&sketch));
    assert!(sketches::is_dense(&sketch) || sketch.len() <= length.max(sparse_max));
    if let (Some(before), Ok(changed)) = (before, added) {
        let after = registers(&sketch).expect("it was well formed");
        let raised = before.iter().zip(&after).filter(|(old, new)| old < new).count();
        assert!(before.iter().zip(&after).all(|(old, new)| old <= new));
        assert_eq!(raised, usize::from(changed));
    }
}

fuzz_target!(|data: &[u8]| {
    let [sparse_max, text_length, rest @ ..] = data else { return };
    let (text, body) = rest.split_at(usize::from(*text_length).min(rest.len()));
    let mut sketch = b"HYLL".to_vec();
    sketch.extend_from_slice(body);
    // Long enough to be dense, so that this form is met as well.
    if sketch.get(4) == Some(&0) {
        sketch.resize(16 + 16384 * 6 / 8, 0);
    }
    if sketches::is_sketch(&sketch) {
        sketches::runs(&sketch).for_each(drop);
        sketches::last_count(&sketch);
        check_forms(&sketch);
        check_adding(sketch, text, usize::from(*sparse_max) * 8);
    }
});
