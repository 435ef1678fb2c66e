//! The sums of one monitor in one open window, and how an event is added to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::columns::{Columns, Predicted, TOGETHER, Takes, count_numbers};
use crate::event::Event;
use crate::sums::{Counts, N, Sums, to_wire};
use crate::texts::Text;
use crate::unseen::UnseenTexts;
use crate::values::Value;

/// What events are held against: the columns, and by which names the sums go on.
pub struct Reference {
    pub columns: Arc<Columns>,
    pub reference_id: String,
    pub summary_id: String,
}

/// Where in an event's rows a column finds its value.
type Slot = usize;

/// How the columns of one reference are read off the events of one topic.
pub struct Plan {
    pub reference: Reference,
    number_slots: Vec<Slot>,
    other_slots: Vec<Slot>,
    /// Whether any column takes the label, or what follows from it.
    labelled: bool,
}

impl Plan {
    /// Make the plan, and have the event look for what it takes.
    pub fn new(reference: Reference, event: &mut Event) -> Self {
        let Columns { numbers, others, .. } = &*reference.columns;
        let number_slots = numbers.iter().map(|column| event.want_feature(&column.feature, 0)).collect();
        let other_slots = others
            .iter()
            .map(|column| match &column.takes {
                Takes::Feature(name) => event.want_feature(name, 0),
                Takes::Element { feature, length, .. } => event.want_feature(feature, *length),
                Takes::Class(name) => event.want_class(name),
                Takes::Prediction | Takes::Label | Takes::Error => 0,
            })
            .collect();
        let labelled = others.iter().any(|column| column.takes.needs_label());
        Plan { reference, number_slots, other_slots, labelled }
    }

    /// Count an event, column by column. That a column was looked at is counted for labels and errors only: the
    /// others are looked at in every event.
    fn count<C: Counts + ?Sized>(
        &self,
        event: &Event,
        record: &[u8],
        sums: &mut C,
        unseen: &mut BTreeMap<usize, UnseenTexts>,
    ) {
        let Columns { numbers, others, .. } = &*self.reference.columns;
        for (columns, slots) in numbers.chunks(TOGETHER).zip(self.number_slots.chunks(TOGETHER)) {
            count_numbers(columns, |at| event.features.get(slots[at]), sums);
        }
        for (column, &slot) in others.iter().zip(&self.other_slots) {
            let value = match &column.takes {
                Takes::Feature(_) => event.features.get(slot),
                Takes::Element { index, length, .. } => element(event, slot, *index, *length),
                Takes::Prediction => event.prediction,
                Takes::Class(_) => match event.prediction {
                    Value::Object => event.classes.get(slot),
                    Value::Missing => Value::Missing,
                    _ => Value::Other,
                },
                Takes::Label | Takes::Error => continue,
            };
            let mut note = |hash, text: &str| unseen.entry(column.position).or_default().add(hash, text);
            column.count(value, event, record, sums, &mut note);
        }
        if self.labelled && event.label != Value::Missing {
            self.count_labelled(event, record, sums, unseen);
        }
    }

    fn count_labelled<C: Counts + ?Sized>(
        &self,
        event: &Event,
        record: &[u8],
        sums: &mut C,
        unseen: &mut BTreeMap<usize, UnseenTexts>,
    ) {
        for column in &self.reference.columns.others {
            let value = match column.takes {
                Takes::Label => event.label,
                Takes::Error => match self.error(event, record) {
                    Some(error) => Value::Number(error),
                    None => continue,
                },
                _ => continue,
            };
            let mut note = |hash, text: &str| unseen.entry(column.position).or_default().add(hash, text);
            column.count_looked_at(value, event, record, sums, &mut note);
        }
    }

    /// How far the prediction is from the label, if the one can be held against the other.
    fn error(&self, event: &Event, record: &[u8]) -> Option<f64> {
        match self.reference.columns.predicted? {
            Predicted::Number => Some((number_of(event.prediction)? - number_of(event.label)?).abs()),
            Predicted::Class => {
                let predicted = category_of(event.prediction, event, record)?;
                let actual = category_of(event.label, event, record)?;
                Some(f64::from(u8::from(predicted != actual)))
            }
        }
    }
}

fn element(event: &Event, slot: Slot, index: u32, expected: u32) -> Value {
    match event.features.get(slot) {
        Value::Missing => Value::Missing,
        Value::Array { kept, length } if length == expected => event.elements_of(kept)[index as usize],
        _ => Value::Other,
    }
}

fn number_of(value: Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(number).filter(|number| number.is_finite()),
        Value::Bool(bool) => Some(f64::from(u8::from(bool))),
        _ => None,
    }
}

fn category_of<'a>(value: Value, event: &'a Event, record: &'a [u8]) -> Option<&'a [u8]> {
    match value {
        Value::Bool(true) => Some(b"true"),
        Value::Bool(false) => Some(b"false"),
        text => event.text_of(text, record).map(Text::bytes),
    }
}

pub struct OpenMonitor {
    pub name: Box<[u8]>,
    pub first_offset: i64,
    /// Whether its part has grown since it was last handed out.
    pub grown: bool,
    plan: Arc<Plan>,
    last_offset: i64,
    newest_ms: i64,
    events: u64,
    sums: Sums,
    unseen: BTreeMap<usize, UnseenTexts>,
}

/// What goes on of one monitor and window (values.part.Part).
pub struct Part {
    pub name: Box<[u8]>,
    pub start_ms: i64,
    pub plan: Arc<Plan>,
    pub first_offset: i64,
    pub last_offset: i64,
    pub events: u64,
    pub sums: Vec<u8>,
    pub newest_ms: i64,
    /// Position of the column, hash, text, events; by column, then hash.
    pub unseen: Vec<(usize, u64, String, u64)>,
}

impl OpenMonitor {
    pub fn new(name: Box<[u8]>, plan: Arc<Plan>, first_offset: i64, start_ms: i64) -> Self {
        OpenMonitor {
            name,
            first_offset,
            grown: false,
            plan,
            last_offset: first_offset,
            newest_ms: start_ms,
            events: 0,
            sums: Sums::default(),
            unseen: BTreeMap::new(),
        }
    }

    #[inline]
    pub fn take(&mut self, event: &Event, record: &[u8], offset: i64, time_ms: i64) {
        let columns = &self.plan.reference.columns;
        self.sums.prepare(self.events, columns.size, columns.len());
        match &mut self.sums {
            Sums::Few(positions) => {
                self.plan.count(event, record, positions, &mut self.unseen);
            }
            Sums::Many(sums) => self.plan.count(event, record, &mut **sums, &mut self.unseen),
        }
        self.sums.shrink();
        self.events += 1;
        self.last_offset = offset;
        self.newest_ms = self.newest_ms.max(time_ms);
        self.grown = true;
    }

    /// Return all that was summed so far; nothing has grown since then.
    pub fn part(&mut self, start_ms: i64) -> Part {
        self.grown = false;
        let columns = &self.plan.reference.columns;
        let mut sums = self.sums.to_dense(columns.size);
        for start in columns.always_looked_at() {
            sums[start + N] = self.events;
        }
        let unseen = self.unseen.iter().flat_map(|(&column, texts)| {
            texts.iter().map(move |(hash, text, events)| (column, hash, text.to_owned(), events))
        });
        Part {
            name: self.name.clone(),
            start_ms,
            plan: Arc::clone(&self.plan),
            first_offset: self.first_offset,
            last_offset: self.last_offset,
            events: self.events,
            sums: to_wire(&sums),
            newest_ms: self.newest_ms,
            unseen: unseen.collect(),
        }
    }
}
