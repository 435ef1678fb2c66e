//! The times a batch is judged by: record timestamps, our own clock, and the watermark that follows the events.
//!
//! Steps 7 to 9 and 11 of docs/events.md for the records of one batch, in order.

use crate::event::Reason;
use crate::time::LATEST_MS;

/// How windows lie in event time, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct WindowRule {
    pub duration_ms: i64,
    pub lateness_ms: i64,
    pub skew_ms: i64,
}

/// Where reading stands before a batch (summarise.seam.Cursor).
pub struct Cursor {
    pub counted_from: i64,
    pub watermark_ms: Option<i64>,
    /// Runs of offsets, by rising offset: first and last of each.
    pub refused: Vec<(i64, i64)>,
}

pub struct Clocks<'a> {
    pub newest_ms: Option<i64>,
    pub first_ms: Option<i64>,
    pub newly_refused: Vec<i64>,
    rule: WindowRule,
    cursor: &'a Cursor,
    watermark_ms: Option<i64>,
    /// The records' timestamps; none where these have no meaning.
    timestamps_ms: &'a [i64],
    /// An event after this was refused by our own clock at first reading.
    clock_bound_ms: Option<i64>,
}

impl<'a> Clocks<'a> {
    pub fn new(rule: WindowRule, cursor: &'a Cursor, timestamps_ms: &'a [i64], clock_ms: Option<i64>) -> Self {
        Clocks {
            newest_ms: None,
            first_ms: None,
            newly_refused: Vec::new(),
            rule,
            cursor,
            watermark_ms: cursor.watermark_ms,
            timestamps_ms,
            clock_bound_ms: clock_ms.map(|now| now + rule.skew_ms),
        }
    }

    /// Whether a record is read for the first time.
    #[inline]
    pub fn is_first_reading(&self, offset: i64) -> bool {
        offset >= self.cursor.counted_from
    }

    /// Whether our own clock refused a record when it was first read.
    pub fn was_refused(&self, offset: i64) -> bool {
        let runs = &self.cursor.refused;
        let after = runs.partition_point(|&(first, _)| first <= offset);
        after > 0 && offset <= runs[after - 1].1
    }

    /// The event time of the record at an index, or why it has none that counts.
    #[inline]
    pub fn time_of(&mut self, written_ms: Option<i64>, index: usize, offset: i64) -> Result<i64, Reason> {
        let record_ms = self.timestamps_ms.get(index).copied().filter(|ms| (0..=LATEST_MS).contains(ms));
        let event_ms = written_ms.or(record_ms).ok_or(Reason::NoTimestamp)?;
        if record_ms.is_some_and(|ms| event_ms > ms + self.rule.skew_ms) {
            return Err(Reason::Future);
        }
        if self.is_first_reading(offset) && self.clock_bound_ms.is_some_and(|bound| event_ms > bound) {
            self.newly_refused.push(offset);
            return Err(Reason::Future);
        }
        Ok(event_ms)
    }

    /// Whether the watermark has passed the window that starts here.
    #[inline]
    pub fn has_passed(&self, start_ms: i64) -> bool {
        self.watermark_ms.is_some_and(|watermark| start_ms + self.rule.duration_ms <= watermark)
    }

    /// Let a sound event move the watermark; it never falls.
    #[inline]
    pub fn advance(&mut self, event_ms: i64, late: bool) {
        if self.first_ms.is_none() && !late {
            self.first_ms = Some(event_ms);
        }
        if self.newest_ms.is_none_or(|newest| event_ms > newest) {
            self.newest_ms = Some(event_ms);
            self.watermark_ms = self.watermark_ms.max(Some(event_ms - self.rule.lateness_ms));
        }
    }
}
