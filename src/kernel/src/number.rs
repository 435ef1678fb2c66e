//! Numbers of a JSON document, correctly rounded (docs/events.md, J2 to J9).

use crate::scan::{Malformed, Sound};

/// A number as it is written: integers of 64 bits are exact, all others the nearest double.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Integer { negative: bool, magnitude: u64 },
    Double(f64),
}

impl Number {
    /// The nearest double; ties go to the even one.
    #[inline]
    pub fn as_double(self) -> f64 {
        match self {
            Number::Integer { negative: false, magnitude } => magnitude as f64,
            Number::Integer { negative: true, magnitude } => -(magnitude as f64),
            Number::Double(double) => double,
        }
    }
}

const ONES: u64 = u64::MAX / 0xff;
const EXACT_INTEGERS: u64 = 1 << 53;
const DIGITS_HELD: usize = 19; // so many always fit 64 bits
const TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// The powers of ten that a double holds exactly.
const EXACT_TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Read a number as the nearest double: the usual ones in few steps, all others as ``read`` does.
#[inline(always)]
pub fn read_double(bytes: &[u8]) -> Sound<(f64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let first = usize::from(negative);
    let (whole, point) = digits(bytes, first, 0);
    if bytes.get(point) == Some(&b'.') {
        let (mantissa, end) = digits(bytes, point + 1, whole);
        let decimals = end - point - 1;
        let leading_zero = bytes[first] == b'0' && point - first > 1;
        let usual = decimals > 0 && point > first && end - first <= DIGITS_HELD && !leading_zero;
        if usual && mantissa <= EXACT_INTEGERS && !matches!(bytes.get(end), Some(b'e' | b'E')) {
            let size = mantissa as f64 / EXACT_TENS[decimals];
            return Ok((if negative { -size } else { size }, end));
        }
    }
    let (number, length) = read(bytes)?;
    Ok((number.as_double(), length))
}

/// Read the number, or the token that stands for none, that bytes begin with; return it and its length.
#[inline(never)]
pub fn read(bytes: &[u8]) -> Sound<(Number, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let first = usize::from(negative);
    let (mut mantissa, mut at) = match bytes.get(first) {
        Some(b'0') => (0, first + 1),
        Some(b'1'..=b'9') => digits(bytes, first, 0),
        _ => return token(bytes),
    };
    let mut held = at - first;
    let mut exponent = 0;
    let mut integer = true;
    if bytes.get(at) == Some(&b'.') {
        integer = false;
        let point = at + 1;
        (mantissa, at) = digits(bytes, point, mantissa);
        if at == point {
            return Err(Malformed);
        }
        held += at - point;
        exponent = -((at - point) as i64);
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        integer = false;
        let (written, end) = read_exponent(bytes, at + 1)?;
        exponent = written.saturating_add(exponent);
        at = end;
    }
    if let Some(b'0'..=b'9') = bytes.get(at) {
        return Err(Malformed); // behind a leading zero
    }
    let number = if integer {
        read_integer(&bytes[first..at], negative, mantissa)
    } else if held <= DIGITS_HELD && mantissa <= EXACT_INTEGERS && exponent.unsigned_abs() <= 22 {
        // both are exact, so there is one rounding (Clinger 1990)
        let power = EXACT_TENS[exponent.unsigned_abs() as usize];
        let size = if exponent < 0 { mantissa as f64 / power } else { mantissa as f64 * power };
        Number::Double(if negative { -size } else { size })
    } else {
        Number::Double(rounded(&bytes[..at]))
    };
    Ok((number, at))
}

fn token(bytes: &[u8]) -> Sound<(Number, usize)> {
    for (word, double) in [(&b"NaN"[..], f64::NAN), (b"Infinity", f64::INFINITY), (b"-Infinity", f64::NEG_INFINITY)] {
        if bytes.starts_with(word) {
            return Ok((Number::Double(double), word.len()));
        }
    }
    Err(Malformed)
}

fn read_exponent(bytes: &[u8], start: usize) -> Sound<(i64, usize)> {
    let sign = bytes.get(start).filter(|byte| matches!(byte, b'+' | b'-'));
    let first = start + usize::from(sign.is_some());
    let mut at = first;
    let mut size: i64 = 0;
    while let Some(&digit @ b'0'..=b'9') = bytes.get(at) {
        size = size.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        at += 1;
    }
    if at == first {
        return Err(Malformed);
    }
    Ok((if sign == Some(&b'-') { -size } else { size }, at))
}

fn read_integer(digits: &[u8], negative: bool, mantissa: u64) -> Number {
    let magnitude = if digits.len() <= DIGITS_HELD { Some(mantissa) } else { exact(digits) };
    match magnitude {
        Some(magnitude) if !negative || magnitude <= 1 << 63 => Number::Integer { negative, magnitude },
        _ => {
            let size = rounded(digits);
            Number::Double(if negative { -size } else { size })
        }
    }
}

fn exact(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Of an exponent that is written longer than this the standard library reads no more than the first digits.
const EXPONENT_READ: usize = 5;

/// Round correctly, to an infinity beyond the greatest double.
fn rounded(number: &[u8]) -> f64 {
    let text = str::from_utf8(number).unwrap_or_default();
    let shorter = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) if exponent.len() > EXPONENT_READ => Some(with_short_exponent(digits, exponent)),
        _ => None,
    };
    shorter.as_deref().unwrap_or(text).parse().unwrap_or(f64::NAN)
}

/// Write a number as a fraction between 0.1 and 1, so that zeros before the exponent cannot make up for it.
fn with_short_exponent(digits: &str, exponent: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let point = digits.find('.').unwrap_or(digits.len());
    let all = digits.replace('.', "");
    let significant = all.trim_start_matches('0');
    let zeros = all.len() - significant.len();
    let beyond = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let written: i64 = exponent.parse().unwrap_or(beyond);
    let exponent = written.saturating_add(point as i64 - zeros as i64).clamp(-1_000, 1_000);
    format!("{sign}0.{significant}0e{exponent}")
}

/// Append the digits from a position on to a number, modulo 2^64; return it and the position behind them.
///
/// Up to eight digits at once and without a branch on how many there are: their count is hard to foresee.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    while let Some(&chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(chunk) ^ (ONES * u64::from(b'0'));
        // The lowest byte that is flagged is above nine: carries reach only those above it.
        let others = (word.wrapping_add(ONES * 0x76) | word) & (ONES * 0x80);
        let count = (others.trailing_zeros() / 8) as usize;
        if count == 0 {
            return (number, at);
        }
        number = number.wrapping_mul(TENS[count]).wrapping_add(eight_digits(word << (64 - 8 * count)));
        at += count;
        if count < 8 {
            return (number, at);
        }
    }
    while let Some(&digit @ b'0'..=b'9') = bytes.get(at) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    (number, at)
}

/// The number that eight digits make, one a byte, the first in the lowest: in pairs, fours, eight.
#[inline(always)]
fn eight_digits(word: u64) -> u64 {
    let pairs = (word.wrapping_mul(10) + (word >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(text: &str) -> f64 {
        let (number, length) = read(text.as_bytes()).unwrap();
        assert_eq!(length, text.len());
        assert_eq!(read_double(text.as_bytes()), Ok((number.as_double(), length)));
        number.as_double()
    }

    #[test]
    fn doubles_are_those_of_the_standard_library() {
        let mut state = 1u64;
        for _ in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = f64::from_bits(state ^ (state >> 29));
            if number.is_finite() {
                for text in [format!("{number:e}"), format!("{number:.3e}"), format!("{}", (state >> 40) as f64 / 1e3)]
                {
                    assert_eq!(double(&text).to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
                }
            }
        }
    }

    #[test]
    fn digits_of_every_count_are_read_wherever_the_bytes_end() {
        for count in 1..40 {
            let text: String = "1234567890".chars().cycle().take(count).collect();
            for behind in ["", ",", "         "] {
                let (number, length) = read((text.clone() + behind).as_bytes()).unwrap();
                assert_eq!(length, count);
                assert_eq!(number.as_double(), text.parse::<f64>().unwrap());
            }
        }
    }

    #[test]
    fn integers_are_exact_within_64_bits() {
        let integer = |text: &str| matches!(read(text.as_bytes()), Ok((Number::Integer { .. }, _)));
        assert!(integer("18446744073709551615") && integer("-9223372036854775808"));
        assert!(!integer("18446744073709551616") && !integer("-9223372036854775809"));
    }

    #[test]
    fn other_spellings_are_malformed() {
        for text in ["", "-", "01", "-01", "+1", ".5", "1.", "1.e3", "1e", "1e+", "nan", "-NaN", "inf", "00"] {
            assert_eq!(read(text.as_bytes()), Err(Malformed), "{text}");
            assert_eq!(read_double(text.as_bytes()), Err(Malformed), "{text}");
        }
    }
}
