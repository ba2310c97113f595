//! The shortest digits of a double, by Grisu2 (Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers",
//! PLDI 2010).
//!
//! Grisu2 finds the shortest digits for 999 doubles of 1000, and for all of them digits that read back; where it does not
//! find the shortest, or the nearest of the shortest, Redis and Valkey print what it found, so we do as well.

/// Room for the digits of any double: 17, and one more to be safe.
pub(super) const DIGITS_MAX: usize = 18;

/// A binary number: `fraction * 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    fraction: u64,
    exponent: i32,
}

impl Scaled {
    /// Shifts the fraction up until its highest bit is set.
    fn normalized(self) -> Scaled {
        let shift = self.fraction.leading_zeros();
        Scaled { fraction: self.fraction << shift, exponent: self.exponent - shift as i32 }
    }

    /// The product, rounded to 64 bits.
    fn times(self, other: Scaled) -> Scaled {
        let product = u128::from(self.fraction) * u128::from(other.fraction);
        let fraction = ((product + (1 << 63)) >> 64) as u64;
        Scaled { fraction, exponent: self.exponent + other.exponent + 64 }
    }
}

const FRACTION_BITS: u32 = 52;
const HIDDEN_BIT: u64 = 1 << FRACTION_BITS;
/// What the stored exponent of a double is above that of its fraction, taken as an integer.
const BIAS: i32 = 1075;

/// Finds digits that only this positive finite number reads back from; tells how many, and the power of ten of the last.
pub(super) fn digits_of(value: f64, digits: &mut [u8; DIGITS_MAX]) -> (usize, i32) {
    let exact = exact(value);
    let (lower, upper) = neighbourhood(exact);
    let (power, ten) = cached_power(upper.exponent);
    let (exact, lower, upper) = (exact.normalized().times(ten), lower.times(ten), upper.times(ten));
    // A unit to each side for the rounding of the products.
    let inside = Range { from: lower.fraction + 1, to: upper.fraction - 1, exponent: upper.exponent };
    let (count, dropped) = inside.generate(exact.fraction, digits);
    (count, dropped - power)
}

fn exact(value: f64) -> Scaled {
    let (stored, fraction) = ((value.to_bits() >> FRACTION_BITS) as i32, value.to_bits() & (HIDDEN_BIT - 1));
    match stored {
        0 => Scaled { fraction, exponent: 1 - BIAS },
        _ => Scaled { fraction: fraction | HIDDEN_BIT, exponent: stored - BIAS },
    }
}

/// Half the way to the next double below and to the next above, with the same exponent.
fn neighbourhood(exact: Scaled) -> (Scaled, Scaled) {
    let upper = Scaled { fraction: exact.fraction * 2 + 1, exponent: exact.exponent - 1 }.normalized();
    // Below a power of two, doubles are twice as dense.
    let shift = if exact.fraction == HIDDEN_BIT { 2 } else { 1 };
    let (fraction, exponent) = ((exact.fraction << shift) - 1, exact.exponent - shift);
    let fraction = fraction << (exponent - upper.exponent);
    (Scaled { fraction, exponent: upper.exponent }, upper)
}

/// Powers of ten from 10^-348 on, each 10^8 times the one before.
const POWER_FIRST: i32 = -348;
const POWER_STEP: i32 = 8;
/// Where the exponent of a product has to lie, so that its whole part has 32 bits at most.
const PRODUCT_EXPONENT: std::ops::RangeInclusive<i32> = -60..=-32;

/// A power of ten that brings a number with this exponent into the range in which digits are generated.
fn cached_power(exponent: i32) -> (i32, Scaled) {
    // log10(2); the number of powers takes the estimate to one or two entries before the right one.
    let estimate = (f64::from(-(exponent + POWERS.len() as i32)) * std::f64::consts::LOG10_2) as i32;
    let mut index = (estimate - POWER_FIRST) / POWER_STEP;
    loop {
        let power = POWER_FIRST + index * POWER_STEP;
        let ten = Scaled { fraction: POWERS[index as usize], exponent: ((power * 217_706) >> 16) - 63 };
        let product = exponent + ten.exponent + 64;
        if PRODUCT_EXPONENT.contains(&product) {
            return (power, ten);
        }
        index += if product < *PRODUCT_EXPONENT.start() { 1 } else { -1 };
    }
}

/// The numbers that round to the same double, as fractions with a common exponent.
struct Range {
    from: u64,
    to: u64,
    exponent: i32,
}

impl Range {
    /// Generates digits of the upper end until what is left out does not leave the range, then goes down as near to `exact` as
    /// the last digit allows. Tells how many digits, and how many digits of the whole part were left out (negative: digits
    /// behind it were generated).
    fn generate(&self, exact: u64, digits: &mut [u8; DIGITS_MAX]) -> (usize, i32) {
        let shift = self.exponent.unsigned_abs();
        let (mut whole, mut rest) = (self.to >> shift, self.to & ((1 << shift) - 1));
        let (mut wide, mut count) = (self.to - self.from, 0);
        let mut unit = 1_000_000_000_u64;
        for left in (0..10).rev() {
            count = push(digits, count, whole / unit);
            whole %= unit;
            let remainder = (whole << shift) + rest;
            if remainder <= wide {
                let gap = Gap { wide, unit: unit << shift, target: self.to - exact };
                gap.approach(remainder, &mut digits[count - 1]);
                return (count, left);
            }
            unit /= 10;
        }
        let mut scale = 1_u64;
        for places in 1.. {
            (rest, wide, scale) = (rest * 10, wide * 10, scale.wrapping_mul(10));
            count = push(digits, count, rest >> shift);
            rest &= (1 << shift) - 1;
            if rest < wide {
                let target = (self.to - exact).wrapping_mul(scale);
                Gap { wide, unit: 1 << shift, target }.approach(rest, &mut digits[count - 1]);
                return (count, -places);
            }
        }
        unreachable!("each place makes the range ten times as wide")
    }
}

/// Adds a digit that is not a leading zero.
fn push(digits: &mut [u8; DIGITS_MAX], count: usize, digit: u64) -> usize {
    if digit == 0 && count == 0 {
        return 0;
    }
    digits[count] = b'0' + digit as u8;
    count + 1
}

/// What lies between the upper end and the generated digits.
struct Gap {
    /// How wide the range is.
    wide: u64,
    /// One in the last digit.
    unit: u64,
    /// How far the exact number is below the upper end.
    target: u64,
}

impl Gap {
    /// Lowers the last digit while that brings the number nearer to the exact one.
    fn approach(&self, mut below: u64, last: &mut u8) {
        while below < self.target
            && self.wide - below >= self.unit
            && (below + self.unit < self.target || self.target - below > below + self.unit - self.target)
        {
            *last -= 1;
            below += self.unit;
        }
    }
}

/// The highest 64 bits of each power, rounded.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xfa8f_d5a0_081c_0288, 0xbaae_e17f_a23e_bf76, 0x8b16_fb20_3055_ac76, 0xcf42_894a_5dce_35ea,
    0x9a6b_b0aa_5565_3b2d, 0xe61a_cf03_3d1a_45df, 0xab70_fe17_c79a_c6ca, 0xff77_b1fc_bebc_dc4f,
    0xbe56_91ef_416b_d60c, 0x8dd0_1fad_907f_fc3c, 0xd351_5c28_3155_9a83, 0x9d71_ac8f_ada6_c9b5,
    0xea9c_2277_23ee_8bcb, 0xaecc_4991_4078_536d, 0x823c_1279_5db6_ce57, 0xc210_9436_4dfb_5637,
    0x9096_ea6f_3848_984f, 0xd774_85cb_2582_3ac7, 0xa086_cfcd_97bf_97f4, 0xef34_0a98_172a_ace5,
    0xb238_67fb_2a35_b28e, 0x84c8_d4df_d2c6_3f3b, 0xc5dd_4427_1ad3_cdba, 0x936b_9fce_bb25_c996,
    0xdbac_6c24_7d62_a584, 0xa3ab_6658_0d5f_daf6, 0xf3e2_f893_dec3_f126, 0xb5b5_ada8_aaff_80b8,
    0x8762_5f05_6c7c_4a8b, 0xc9bc_ff60_34c1_3053, 0x964e_858c_91ba_2655, 0xdff9_7724_7029_7ebd,
    0xa6df_bd9f_b8e5_b88f, 0xf8a9_5fcf_8874_7d94, 0xb944_7093_8fa8_9bcf, 0x8a08_f0f8_bf0f_156b,
    0xcdb0_2555_6531_31b6, 0x993f_e2c6_d07b_7fac, 0xe45c_10c4_2a2b_3b06, 0xaa24_2499_6973_92d3,
    0xfd87_b5f2_8300_ca0e, 0xbce5_0864_9211_1aeb, 0x8cbc_cc09_6f50_88cc, 0xd1b7_1758_e219_652c,
    0x9c40_0000_0000_0000, 0xe8d4_a510_0000_0000, 0xad78_ebc5_ac62_0000, 0x813f_3978_f894_0984,
    0xc097_ce7b_c907_15b3, 0x8f7e_32ce_7bea_5c70, 0xd5d2_38a4_abe9_8068, 0x9f4f_2726_179a_2245,
    0xed63_a231_d4c4_fb27, 0xb0de_6538_8cc8_ada8, 0x83c7_088e_1aab_65db, 0xc45d_1df9_4271_1d9a,
    0x924d_692c_a61b_e758, 0xda01_ee64_1a70_8dea, 0xa26d_a399_9aef_774a, 0xf209_787b_b47d_6b85,
    0xb454_e4a1_79dd_1877, 0x865b_8692_5b9b_c5c2, 0xc835_53c5_c896_5d3d, 0x952a_b45c_fa97_a0b3,
    0xde46_9fbd_99a0_5fe3, 0xa59b_c234_db39_8c25, 0xf6c6_9a72_a398_9f5c, 0xb7dc_bf53_54e9_bece,
    0x88fc_f317_f222_41e2, 0xcc20_ce9b_d35c_78a5, 0x9816_5af3_7b21_53df, 0xe2a0_b5dc_971f_303a,
    0xa8d9_d153_5ce3_b396, 0xfb9b_7cd9_a4a7_443c, 0xbb76_4c4c_a7a4_4410, 0x8bab_8eef_b640_9c1a,
    0xd01f_ef10_a657_842c, 0x9b10_a4e5_e991_3129, 0xe710_9bfb_a19c_0c9d, 0xac28_20d9_623b_f429,
    0x8044_4b5e_7aa7_cf85, 0xbf21_e440_03ac_dd2d, 0x8e67_9c2f_5e44_ff8f, 0xd433_179d_9c8c_b841,
    0x9e19_db92_b4e3_1ba9, 0xeb96_bf6e_badf_77d9, 0xaf87_023b_9bf0_ee6b,
];
