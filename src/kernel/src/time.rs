//! Event times: RFC 3339 text or epoch numbers to whole milliseconds (docs/events.md, "Time").

use crate::number::Number;

pub const EARLIEST_MS: i64 = -62_135_596_800_000; // 0001-01-01T00:00:00Z
pub const LATEST_MS: i64 = 253_402_300_799_999; // 9999-12-31T23:59:59.999Z

const SECONDS_BELOW: u64 = 100_000_000_000;
const MILLISECONDS_BELOW: u64 = 100_000_000_000_000;
const MICROSECONDS_BELOW: u64 = 100_000_000_000_000_000;

const DAY_MS: i64 = 86_400_000;

/// The time that a text stands for, None if it is unreadable.
pub fn of_text(text: &[u8]) -> Option<i64> {
    let (moment, rest) = text.split_first_chunk::<19>()?; // YYYY-MM-DDThh:mm:ss
    let separators = [moment[4], moment[7], moment[13], moment[16]];
    if separators != *b"--::" || !matches!(moment[10], b'T' | b't' | b' ') {
        return None;
    }
    let year = two_digits(&moment[..2])? * 100 + two_digits(&moment[2..4])?;
    let [month, day, hour, minute, second] = [5, 8, 11, 14, 17].map(|at| two_digits(&moment[at..at + 2]));
    let (hour, minute, second) = (hour?, minute?, second?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction_ms, rest) = fraction(rest)?;
    let ms = midnight_ms(year, month?, day?)? + (hour * 3_600 + minute * 60 + second) * 1_000 + fraction_ms;
    within_years(ms - offset_ms(rest)?)
}

/// The time that a number stands for, in the unit that its size tells.
pub fn of_number(number: Number) -> Option<i64> {
    match number {
        Number::Integer { negative, magnitude } => of_integer(negative, magnitude),
        Number::Double(double) => of_double(double),
    }
}

fn of_integer(negative: bool, magnitude: u64) -> Option<i64> {
    let value = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
    let ms = if magnitude < SECONDS_BELOW {
        value * 1_000
    } else if magnitude < MILLISECONDS_BELOW {
        value
    } else if magnitude < MICROSECONDS_BELOW {
        value.div_euclid(1_000)
    } else {
        value.div_euclid(1_000_000)
    };
    within_years(i64::try_from(ms).ok()?)
}

/// One operation of double arithmetic each, so that every machine finds the same millisecond.
fn of_double(value: f64) -> Option<i64> {
    let size = value.abs();
    let ms = if size < SECONDS_BELOW as f64 {
        value * 1_000.0
    } else if size < MILLISECONDS_BELOW as f64 {
        value
    } else if size < MICROSECONDS_BELOW as f64 {
        value / 1_000.0
    } else {
        value / 1_000_000.0
    };
    within_years(ms.floor() as i64).filter(|_| value.is_finite()) // NaN would become 0
}

fn within_years(ms: i64) -> Option<i64> {
    (EARLIEST_MS..=LATEST_MS).contains(&ms).then_some(ms)
}

#[inline]
fn two_digits(text: &[u8]) -> Option<i64> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0')),
        _ => None,
    }
}

/// Read an optional fraction of a second, floored to milliseconds; return what follows.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits)) = text.split_first() else {
        return Some((0, text));
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let ms = (0..3).fold(0, |ms, at| ms * 10 + if at < count { i64::from(digits[at] - b'0') } else { 0 });
    Some((ms, &digits[count..]))
}

/// Read the zone that ends a text, as what it is ahead of UTC.
fn offset_ms(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), hours_tens, hours_ones, b':', minutes @ ..] => {
            let hours = two_digits(&[*hours_tens, *hours_ones])?;
            let minutes = two_digits(minutes)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let size = (hours * 60 + minutes) * 60_000;
            Some(if *sign == b'-' { -size } else { size })
        }
        _ => None,
    }
}

fn midnight_ms(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || day == 0 || day > days {
        return None;
    }
    // Days from the civil calendar, with the year beginning in March (Hinnant, "chrono-compatible low-level date algorithms")
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468;
    Some(days * DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_each_other_over_all_years() {
        let mut expected = EARLIEST_MS;
        for year in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(ms) = midnight_ms(year, month, day) {
                        assert_eq!(ms, expected, "{year}-{month}-{day}");
                        expected += DAY_MS;
                    }
                }
            }
        }
        assert_eq!(expected, LATEST_MS + 1);
    }
}
