//! Sums the events of one source partition into its open windows (summarise.seam.Summariser).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::clocks::{Clocks, Cursor, WindowRule};
use crate::event::{Event, Limits, Reason};
use crate::monitor::{OpenMonitor, Part, Plan, Reference};
use crate::places::Places;

/// What is in force for a version, and whether it was made for another one.
pub struct InForce {
    pub reference: Reference,
    pub borrowed: bool,
}

/// Finds what is in force by model, version and window start; the answer is the same throughout a batch.
pub trait References {
    type Failure;

    fn find(&mut self, model: &str, version: &str, start_ms: i64) -> Result<Option<InForce>, Self::Failure>;
}

/// The records of a batch, at rising offsets.
pub struct Records<'a, T> {
    pub offsets: &'a [i64],
    pub values: &'a [Option<T>],
    /// None where the records' timestamps have no meaning.
    pub timestamps_ms: &'a [i64],
    /// The wall clock at reading, where events are held against it.
    pub clock_ms: Option<i64>,
}

/// What became of a batch (summarise.seam.Tally).
#[derive(Debug, Default)]
pub struct Tally {
    pub read: u64,
    pub summed: u64,
    pub late: u64,
    pub rejected: Vec<(i64, Reason)>,
    pub newly_refused: Vec<i64>,
    pub newest_ms: Option<i64>,
    pub first_ms: Option<i64>,
}

/// A monitor's model and version in one: neither can hold the byte between them.
type Name = Box<[u8]>;
const BETWEEN: u8 = 0xff;

/// The open monitors of one window, in the order in which they turned up.
#[derive(Default)]
struct OpenWindow {
    monitors: Vec<OpenMonitor>,
    by_name: HashMap<Name, usize, RandomState>,
    /// Which one the last event went to: the next one often goes there too.
    last: usize,
}

impl OpenWindow {
    #[inline]
    fn find(&mut self, name: &[u8]) -> Option<&mut OpenMonitor> {
        if self.monitors.get(self.last).is_none_or(|monitor| *monitor.name != *name) {
            self.last = *self.by_name.get(name)?;
        }
        self.monitors.get_mut(self.last)
    }

    fn open(&mut self, monitor: OpenMonitor) -> &mut OpenMonitor {
        self.last = self.monitors.len();
        self.by_name.insert(monitor.name.clone(), self.last);
        self.monitors.push(monitor);
        &mut self.monitors[self.last]
    }
}

/// Answers to look up once in a batch: so many are what input can make it hold.
const ANSWERS_KEPT: usize = 4_096;

#[derive(Clone)]
struct Answer {
    plan: Arc<Plan>,
    borrowed: bool,
}

pub struct Summariser {
    event: Event,
    rule: WindowRule,
    most_monitors: usize,
    open: BTreeMap<i64, OpenWindow>,
    /// By the identity of the columns, which the plan keeps alive.
    plans: HashMap<usize, Arc<Plan>, RandomState>,
    answers: HashMap<(i64, Name), Option<Answer>, RandomState>,
    name: Vec<u8>,
}

impl Summariser {
    pub fn new(places: Places, limits: Limits, rule: WindowRule, most_monitors: usize) -> Self {
        Summariser {
            event: Event::new(places, limits),
            rule,
            most_monitors,
            open: BTreeMap::new(),
            plans: HashMap::default(),
            answers: HashMap::default(),
            name: Vec::new(),
        }
    }

    /// Read a batch and sum it. Records below the cursor are being read again.
    pub fn add<T, R>(&mut self, records: &Records<T>, cursor: &Cursor, references: &mut R) -> Result<Tally, R::Failure>
    where
        T: AsRef<[u8]>,
        R: References,
    {
        let mut tally = Tally::default();
        let mut clocks = Clocks::new(self.rule, cursor, records.timestamps_ms, records.clock_ms);
        self.answers.clear();
        for (index, (&offset, value)) in records.offsets.iter().zip(records.values).enumerate() {
            let first_reading = clocks.is_first_reading(offset);
            if !first_reading && clocks.was_refused(offset) {
                continue;
            }
            let record = value.as_ref().map(AsRef::as_ref);
            let outcome = match self.time_of(record, index, offset, &mut clocks) {
                Ok(time_ms) => self.sum(record.unwrap_or_default(), offset, time_ms, &mut clocks, references)?,
                Err(reason) => Outcome::Rejected(reason),
            };
            if first_reading {
                tally.account(outcome, offset);
            }
        }
        tally.newest_ms = clocks.newest_ms;
        tally.first_ms = clocks.first_ms;
        tally.newly_refused = clocks.newly_refused;
        Ok(tally)
    }

    /// Read a record; return its event time, or why it is rejected.
    #[inline]
    fn time_of(
        &mut self,
        record: Option<&[u8]>,
        index: usize,
        offset: i64,
        clocks: &mut Clocks,
    ) -> Result<i64, Reason> {
        self.event.read(record)?;
        let header = self.event.header(record.unwrap_or_default())?;
        self.name.clear();
        self.name.extend_from_slice(header.model.as_bytes());
        self.name.push(BETWEEN);
        self.name.extend_from_slice(header.version.as_bytes());
        clocks.time_of(header.time_ms, index, offset)
    }

    /// Sum the event that was read last.
    #[inline]
    fn sum<R: References>(
        &mut self,
        record: &[u8],
        offset: i64,
        time_ms: i64,
        clocks: &mut Clocks,
        references: &mut R,
    ) -> Result<Outcome, R::Failure> {
        let start_ms = time_ms.div_euclid(self.rule.duration_ms) * self.rule.duration_ms;
        let late = clocks.has_passed(start_ms);
        if clocks.is_first_reading(offset) {
            clocks.advance(time_ms, late);
        }
        if let Some(monitor) = self.open.get_mut(&start_ms).and_then(|window| window.find(&self.name)) {
            if late {
                return Ok(Outcome::Late);
            }
            monitor.take(&self.event, record, offset, time_ms);
            return Ok(Outcome::Summed);
        }
        let Some(Answer { plan, borrowed }) = self.ask(record, start_ms, references)? else {
            return Ok(Outcome::Rejected(Reason::NoReference));
        };
        if late {
            return Ok(Outcome::Late);
        }
        let open = self.open.get(&start_ms).map_or(0, |window| window.monitors.len());
        if borrowed && open >= self.most_monitors {
            return Ok(Outcome::Rejected(Reason::Limit));
        }
        let monitor = OpenMonitor::new(self.name.as_slice().into(), plan, offset, start_ms);
        let window = self.open.entry(start_ms).or_default();
        window.open(monitor).take(&self.event, record, offset, time_ms);
        Ok(Outcome::Summed)
    }

    /// Ask what is in force for the event that was read last; its rows then hold what the answer's columns take.
    fn ask<R: References>(
        &mut self,
        record: &[u8],
        start_ms: i64,
        references: &mut R,
    ) -> Result<Option<Answer>, R::Failure> {
        let question = (start_ms, self.name.as_slice().into());
        if let Some(answer) = self.answers.get(&question) {
            return Ok(answer.clone());
        }
        let (model, version) = names(&self.name);
        let answer = references.find(model, version, start_ms)?.map(|found| {
            let borrowed = found.borrowed;
            Answer { plan: self.plan_of(found.reference, record), borrowed }
        });
        if self.answers.len() >= ANSWERS_KEPT {
            self.answers.clear();
        }
        self.answers.insert(question, answer.clone());
        Ok(answer)
    }

    fn plan_of(&mut self, reference: Reference, record: &[u8]) -> Arc<Plan> {
        let columns = Arc::as_ptr(&reference.columns) as usize;
        if let Some(plan) = self.plans.get(&columns) {
            return Arc::clone(plan);
        }
        if self.plans.len() >= self.most_monitors {
            self.plans.clear(); // references come and go: what is in use is made again
        }
        let plan = Arc::new(Plan::new(reference, &mut self.event));
        self.plans.insert(columns, Arc::clone(&plan));
        // when it was read, nobody wanted what these columns take
        self.event.read(Some(record)).expect("it was read before");
        plan
    }

    /// Return the parts that have grown since they were last returned.
    pub fn touched(&mut self) -> Vec<Part> {
        self.parts(|monitor| monitor.grown)
    }

    /// Return the parts of all open windows.
    pub fn open_parts(&mut self) -> Vec<Part> {
        self.parts(|_| true)
    }

    /// Remove the windows that end at or before the watermark, and return their parts.
    pub fn passed(&mut self, watermark_ms: i64) -> Vec<Part> {
        let first_kept = watermark_ms.saturating_sub(self.rule.duration_ms).saturating_add(1);
        let kept = self.open.split_off(&first_kept);
        let passed = std::mem::replace(&mut self.open, kept);
        let parts = passed
            .into_iter()
            .flat_map(|(start_ms, window)| window.monitors.into_iter().map(move |mut monitor| monitor.part(start_ms)));
        parts.collect()
    }

    /// Return the least first offset over all open windows.
    pub fn least_first_offset(&self) -> Option<i64> {
        // the first monitor of a window is the one that opened it
        self.open.values().filter_map(|window| window.monitors.first()).map(|monitor| monitor.first_offset).min()
    }

    fn parts(&mut self, wanted: impl Fn(&OpenMonitor) -> bool) -> Vec<Part> {
        let mut parts = Vec::new();
        for (&start_ms, window) in &mut self.open {
            parts.extend(window.monitors.iter_mut().filter(|monitor| wanted(monitor)).map(|m| m.part(start_ms)));
        }
        parts
    }
}

enum Outcome {
    Summed,
    Late,
    Rejected(Reason),
}

impl Tally {
    fn account(&mut self, outcome: Outcome, offset: i64) {
        self.read += 1;
        match outcome {
            Outcome::Summed => self.summed += 1,
            Outcome::Late => self.late += 1,
            Outcome::Rejected(reason) => self.rejected.push((offset, reason)),
        }
    }
}

/// The model and the version of a monitor's name.
pub fn names(name: &[u8]) -> (&str, &str) {
    let mut names = name.splitn(2, |&byte| byte == BETWEEN).map(|name| str::from_utf8(name).unwrap_or_default());
    (names.next().unwrap_or_default(), names.next().unwrap_or_default())
}
