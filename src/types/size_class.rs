//! What an allocation costs: jemalloc's size classes as a pure function, so that accounting (and with it eviction) is the
//! same on every machine and under every allocator, and honest under the one that production uses.
//!
//! Source: jemalloc's manual, table "Size classes" (quantum 16, four classes to a doubling).

/// The bytes that jemalloc sets aside for a request of `bytes`; 0 for none.
#[inline]
pub const fn size_class(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=8 => 8,
        9..=128 => (bytes + 15) & !15,
        _ => {
            let step = 1 << ((bytes - 1).ilog2() - 2);
            (bytes + step - 1) & !(step - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::size_class;

    #[test]
    fn matches_the_table_in_jemallocs_manual() {
        let classes = [8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640];
        let mut below = 0;
        for class in classes.into_iter().chain([14336, 16384, 20480, 24576, 28672, 32768, 40960]) {
            assert_eq!(size_class(class), class);
            assert_eq!(size_class(class - 1), if class - 1 == below { below } else { class });
            below = class;
        }
        assert_eq!((size_class(0), size_class(641), size_class(40961)), (0, 768, 49152));
    }
}
