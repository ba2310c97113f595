//! Sketches against plain registers: both forms hold the same and count the same.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_sketch_holds_the_greatest_of_each_register(
        steps in vec((prop_oneof![0..40_usize, 16_370..16_384_usize, 0..16_384_usize], 1..52_u8), 0..300),
        sparse_max in prop_oneof![Just(20_usize), Just(3000)],
    ) {
        let (mut sketch, mut model) = (create(), [0; REGISTERS]);
        for (index, value) in steps {
            // High values make a sketch dense, so they come seldom.
            let value = if index % 50 == 0 { value } else { value % 4 + 1 };
            let raised = raise(&mut sketch, index, value, sparse_max);
            prop_assert_eq!(raised, Ok(value > model[index]));
            model[index] = value.max(model[index]);
            prop_assert!(is_sketch(&sketch) && (is_dense(&sketch) || sketch.len() <= sparse_max));
        }
        let mut registers = Registers::default();
        prop_assert_eq!(registers.merge(&sketch), Ok(()));
        prop_assert!(registers.iter().eq(model));
        prop_assert_eq!(count(&sketch), Ok(registers.count()));
        let mut copy = create();
        prop_assert_eq!(store(&mut copy, &registers, false, sparse_max), Ok(()));
        prop_assert_eq!(count(&copy), Ok(registers.count()));
        make_dense(&mut sketch).expect("well formed");
        prop_assert_eq!(count(&sketch), Ok(registers.count()));
    }

    #[test]
    fn any_bytes_are_refused_or_handled(mut bytes in vec(any::<u8>(), 0..60), text: Vec<u8>) {
        let head = bytes.len().min(5);
        bytes[..head].copy_from_slice(&b"HYLL\x01"[..head]);
        if is_sketch(&bytes) {
            let _ = (count(&bytes), Registers::default().merge(&bytes), runs(&bytes).count());
            let _ = add(&mut bytes, &text, 3000);
            let _ = make_dense(&mut bytes);
        }
    }
}

#[test]
fn counts_come_near() {
    assert!(is_sound());
}
