//! The columns of one profile, and what each counts of a value (docs/events.md, "Values of columns").

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::edges::Edges;
use crate::event::Event;
use crate::sums::{Counts, HEADER, INVALID, MISSING, N, UNSEEN};
use crate::texts::{Bins, Text};
use crate::unseen::{text_hash, token};
use crate::values::Value;

/// What of an event a column takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    Feature(String),
    /// An element of a feature that is an array of this length.
    Element {
        feature: String,
        index: u32,
        length: u32,
    },
    Prediction,
    /// The probability of a class, a member of the prediction.
    Class(String),
    Label,
    /// How far the prediction is from the label.
    Error,
}

/// What of a column's unseen texts is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Show,
    Hash,
    Hide,
}

pub struct Categories {
    /// By text, or by hash where texts are not shown.
    by_text: Bins,
    by_hash: HashMap<u64, usize, FixedState>,
    other: usize,
    known: HashSet<u64, FixedState>,
    open_vocabulary: bool,
    shown: Shown,
}

pub enum Kind {
    Numeric(Edges),
    Categorical(Categories),
}

pub struct Column {
    pub takes: Takes,
    /// Its place in the profile, which may have columns that are not looked at.
    pub position: usize,
    /// Where its run of the sums starts.
    pub start: usize,
    pub kind: Kind,
}

/// A numeric column of a feature that is a single value: most columns are.
pub struct NumberColumn {
    pub feature: String,
    start: usize,
    edges: Edges,
}

/// All columns of a profile that are looked at. Immutable, and shared by all that read with it.
pub struct Columns {
    pub numbers: Vec<NumberColumn>,
    pub others: Vec<Column>,
    /// The length of the vector of sums.
    pub size: usize,
    /// Whether the prediction as a whole is a number, a class, or not watched.
    pub predicted: Option<Predicted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicted {
    Number,
    Class,
}

impl Columns {
    pub fn new(columns: Vec<Column>, size: usize, predicted: Option<Predicted>) -> Self {
        let mut numbers = Vec::new();
        let mut others = Vec::new();
        for column in columns {
            match column {
                Column { takes: Takes::Feature(feature), kind: Kind::Numeric(edges), start, .. } => {
                    numbers.push(NumberColumn { feature, start, edges });
                }
                column => others.push(column),
            }
        }
        Columns { numbers, others, size, predicted }
    }

    pub fn len(&self) -> usize {
        self.numbers.len() + self.others.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the runs start of the columns that are looked at in every event.
    pub fn always_looked_at(&self) -> impl Iterator<Item = usize> {
        let others = self.others.iter().filter(|column| !column.takes.needs_label()).map(|column| column.start);
        self.numbers.iter().map(|column| column.start).chain(others)
    }
}

impl Takes {
    pub fn needs_label(&self) -> bool {
        matches!(self, Takes::Label | Takes::Error)
    }
}

/// So many columns are counted together: their searches do not depend on each other, so the processor overlaps them.
pub const TOGETHER: usize = 8;

/// Count the values of a few numeric columns, save that they were looked at.
#[inline(always)]
pub fn count_numbers<C: Counts + ?Sized>(columns: &[NumberColumn], value_of: impl Fn(usize) -> Value, sums: &mut C) {
    let mut numbers = [0.0; TOGETHER];
    let mut blocks = [0; TOGETHER];
    let mut usual = columns.len() <= TOGETHER;
    for (at, (number, _)) in numbers.iter_mut().zip(columns).enumerate() {
        match value_of(at) {
            Value::Number(value) if value.is_finite() => *number = value,
            _ => usual = false,
        }
    }
    if !usual {
        for (at, column) in columns.iter().enumerate() {
            sums.add_one(column.start + place_of(&column.edges, value_of(at)));
        }
        return;
    }
    for ((block, column), &number) in blocks.iter_mut().zip(columns).zip(&numbers) {
        *block = column.edges.block_of(number);
    }
    for ((&block, column), &number) in blocks.iter().zip(columns).zip(&numbers) {
        sums.add_one(column.start + HEADER + column.edges.bin_within(block, number));
    }
}

/// The place of a value in the run of a numeric column.
#[inline(always)]
fn place_of(edges: &Edges, value: Value) -> usize {
    match value {
        Value::Number(number) if number.is_finite() => HEADER + edges.bin_of(number),
        Value::Bool(bool) => HEADER + edges.bin_of(f64::from(u8::from(bool))),
        Value::Missing => MISSING,
        _ => INVALID,
    }
}

impl Kind {
    /// `categories` are the texts of the bins, or the hashes of these where they are not shown.
    pub fn categorical(
        categories: &[String],
        hashes: &[u64],
        known: &[u64],
        open_vocabulary: bool,
        shown: Shown,
    ) -> Self {
        let bins = if shown == Shown::Show { categories.len() } else { hashes.len() };
        Kind::Categorical(Categories {
            by_text: Bins::new(categories),
            by_hash: (0..).zip(hashes).map(|(bin, &hash)| (hash, bin)).collect(),
            other: bins,
            known: known.iter().copied().collect(),
            open_vocabulary,
            shown,
        })
    }
}

impl Column {
    /// Count a value, save that it was looked at; `unseen` takes the hash of an unseen text, and what to keep of it.
    #[inline]
    pub fn count<C: Counts + ?Sized>(
        &self,
        value: Value,
        event: &Event,
        record: &[u8],
        sums: &mut C,
        unseen: &mut impl FnMut(u64, &str),
    ) {
        let categories = match &self.kind {
            Kind::Numeric(edges) => return sums.add_one(self.start + place_of(edges, value)),
            Kind::Categorical(categories) => categories,
        };
        match value {
            Value::Missing => sums.add_one(self.start + MISSING),
            Value::Bool(true) => self.count_category(categories, Text::whole(b"true"), sums, unseen),
            Value::Bool(false) => self.count_category(categories, Text::whole(b"false"), sums, unseen),
            text => match event.text_of(text, record) {
                Some(text) => self.count_category(categories, text, sums, unseen),
                None => sums.add_one(self.start + INVALID),
            },
        }
    }

    /// Count a value, and that it was looked at: for columns that are not in every event.
    pub fn count_looked_at<C: Counts + ?Sized>(
        &self,
        value: Value,
        event: &Event,
        record: &[u8],
        sums: &mut C,
        unseen: &mut impl FnMut(u64, &str),
    ) {
        sums.add_one(self.start + N);
        self.count(value, event, record, sums, unseen);
    }

    #[inline(always)]
    fn count_category<C: Counts + ?Sized>(
        &self,
        categories: &Categories,
        text: Text,
        sums: &mut C,
        unseen: &mut impl FnMut(u64, &str),
    ) {
        match categories.by_text.find(text) {
            Some(bin) => sums.add_one(self.start + HEADER + bin),
            None => self.count_other(categories, text.bytes(), sums, unseen),
        }
    }

    /// Count a text that has no bin by its text alone.
    #[inline(never)]
    fn count_other<C: Counts + ?Sized>(
        &self,
        categories: &Categories,
        text: &[u8],
        sums: &mut C,
        unseen: &mut impl FnMut(u64, &str),
    ) {
        let other = self.start + HEADER + categories.other;
        if categories.shown == Shown::Show && categories.open_vocabulary {
            return sums.add_one(other);
        }
        let hash = text_hash(text);
        if let Some(bin) = categories.by_hash.get(&hash) {
            return sums.add_one(self.start + HEADER + bin);
        }
        sums.add_one(other);
        if categories.open_vocabulary || categories.known.contains(&hash) {
            return;
        }
        sums.add_one(self.start + UNSEEN);
        match categories.shown {
            Shown::Show => unseen(hash, str::from_utf8(text).unwrap_or_default()),
            Shown::Hash => unseen(hash, &token(hash)),
            Shown::Hide => {}
        }
    }
}
