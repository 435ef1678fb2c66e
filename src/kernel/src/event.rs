//! One record to one event, or to the reason why not: steps 1 to 7 of docs/events.md.

use std::fmt::Write;

use crate::keys::{Field, Keys, Meaning};
use crate::number::Number;
use crate::scan::{DEEPEST, Malformed, RawText, Scanner, Sound, unescape};
use crate::texts::Text;
use crate::time;

/// Why a whole event is rejected; the numbers are those of the Python side (`summarise.compiled`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    Malformed,
    MissingModel,
    NoReference,
    NoTimestamp,
    Future,
    TooLarge,
    Limit,
    Unsupported,
    Tombstone,
}

/// A run of bytes or of values, by where it begins and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    length: u32,
}

impl Span {
    fn new(start: usize, length: usize) -> Self {
        // what is read is shorter than 4 GiB: see `Limits::event_bytes`
        Span { start: start as u32, length: length as u32 }
    }

    fn of<T>(self, all: &[T]) -> &[T] {
        &all[self.start as usize..][..self.length as usize]
    }
}

/// A value that columns may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Null, or not there.
    Missing,
    /// The nearest double, which may be infinite or NaN.
    Number(f64),
    Bool(bool),
    /// A text as it stands in the record.
    Text(Span),
    /// A text that had escapes, among the unescaped ones.
    Unescaped(Span),
    /// An array that columns take the elements of: those that are kept, and how many there were.
    Array {
        kept: Span,
        length: u32,
    },
    /// A prediction that is an object: its members are among the classes.
    Object,
    /// Any other object or array.
    Other,
}

/// Where the features' object was looked for, and what was found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Features {
    Missing,
    Object,
    Wrong,
}

/// The values of one object's keys that columns take; those of the object before are gone with `clear`.
#[derive(Default)]
pub struct Row {
    round: u32,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    round: u32,
    /// Of an array so many elements are kept: as many as any column may want.
    elements: u32,
    value: Value,
}

impl Row {
    fn clear(&mut self) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.slots.iter_mut().for_each(|slot| slot.round = 0);
            self.round = 1;
        }
    }

    #[inline]
    fn put(&mut self, slot: usize, value: Value) {
        self.slots[slot].round = self.round;
        self.slots[slot].value = value;
    }

    #[inline]
    pub fn get(&self, slot: usize) -> Value {
        let slot = &self.slots[slot];
        if slot.round == self.round { slot.value } else { Value::Missing }
    }

    fn new_slot(&mut self) -> usize {
        self.slots.push(Slot { round: 0, elements: 0, value: Value::Missing });
        self.slots.len() - 1
    }
}

/// A name in a place that may hold other things.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scalar {
    Missing,
    Text(Value),
    Number(Number),
    Other,
}

/// Where a topic writes its fields: the keys that lead to each, outermost first.
pub struct Places {
    pub model: Place,
    pub version: Place,
    pub timestamp: Vec<String>,
    pub features: Vec<String>,
    pub prediction: Vec<String>,
    pub label: Vec<String>,
}

pub enum Place {
    Path(Vec<String>),
    Constant(String),
}

/// What bounds a record.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub event_bytes: usize,
    pub name_length: usize,
}

/// An object of the event that holds fields, or leads to some.
struct Node {
    keys: Keys,
    /// Whether its other keys are the features.
    features: bool,
    /// The fields within it, at any depth.
    fields: Vec<Field>,
    features_within: bool,
}

/// Reads records of one topic, and holds what the last one said.
pub struct Event {
    nodes: Vec<Node>,
    class_keys: Keys,
    limits: Limits,
    constant_model: Option<String>,
    constant_version: Option<String>,
    model: Scalar,
    version: Scalar,
    timestamp: Scalar,
    features_found: Features,
    pub features: Row,
    pub classes: Row,
    pub prediction: Value,
    pub label: Value,
    unescaped: Vec<u8>,
    elements: Vec<Value>,
    model_digits: String,
    version_digits: String,
}

/// What of an event decides where it goes.
pub struct Header<'a> {
    pub model: &'a str,
    pub version: &'a str,
    /// None: the event has no time of its own.
    pub time_ms: Option<i64>,
}

const ROOT: usize = 0;
const NO_VERSION: &str = "none";
const GZIP: &[u8] = b"\x1f\x8b";

impl Event {
    pub fn new(places: Places, limits: Limits) -> Self {
        let mut event = Event {
            nodes: vec![Node::new()],
            class_keys: Keys::default(),
            limits,
            constant_model: None,
            constant_version: None,
            model: Scalar::Missing,
            version: Scalar::Missing,
            timestamp: Scalar::Missing,
            features_found: Features::Missing,
            features: Row::default(),
            classes: Row::default(),
            prediction: Value::Missing,
            label: Value::Missing,
            unescaped: Vec::new(),
            elements: Vec::new(),
            model_digits: String::new(),
            version_digits: String::new(),
        };
        match places.model {
            Place::Path(path) => event.place(&path, Field::Model),
            Place::Constant(name) => event.constant_model = Some(name),
        }
        match places.version {
            Place::Path(path) => event.place(&path, Field::Version),
            Place::Constant(name) => event.constant_version = Some(name),
        }
        event.place(&places.timestamp, Field::Timestamp);
        event.place(&places.prediction, Field::Prediction);
        event.place(&places.label, Field::Label);
        let node = event.node_at(&places.features, |node| node.features_within = true);
        event.nodes[node].features = true;
        event
    }

    fn place(&mut self, path: &[String], field: Field) {
        if let Some((last, way)) = path.split_last() {
            let node = self.node_at(way, |node| node.fields.push(field));
            self.nodes[node].keys.define(last.as_bytes(), Meaning::Field(field));
        }
    }

    /// Return the node that a path leads to, and mark all nodes on the way.
    fn node_at(&mut self, path: &[String], mark: impl Fn(&mut Node)) -> usize {
        let mut node = ROOT;
        mark(&mut self.nodes[node]);
        for step in path {
            node = match self.nodes[node].keys.meaning_of(step.as_bytes()) {
                Some(Meaning::Inner(inner)) => inner,
                _ => {
                    let inner = self.nodes.len();
                    self.nodes.push(Node::new());
                    self.nodes[node].keys.define(step.as_bytes(), Meaning::Inner(inner));
                    inner
                }
            };
            mark(&mut self.nodes[node]);
        }
        node
    }

    /// Return where the values of a feature are found from now on; of an array so many elements at least.
    pub fn want_feature(&mut self, name: &str, elements: u32) -> usize {
        let node = self.nodes.iter_mut().find(|node| node.features).expect("one node holds the features");
        want(&mut node.keys, &mut self.features, name, elements)
    }

    /// Return where the values of a class's probability are found from now on.
    pub fn want_class(&mut self, name: &str) -> usize {
        want(&mut self.class_keys, &mut self.classes, name, 0)
    }

    /// Read a record. What it says besides its header stays until the next one is read.
    pub fn read(&mut self, record: Option<&[u8]>) -> Result<(), Reason> {
        let record = record.ok_or(Reason::Tombstone)?;
        if record.len() > self.limits.event_bytes {
            return Err(Reason::TooLarge);
        }
        if matches!(record.first(), Some(0 | 1)) || record.starts_with(GZIP) {
            return Err(Reason::Unsupported);
        }
        self.unescaped.clear();
        self.elements.clear();
        self.reset(ROOT);
        self.document(record).map_err(|Malformed| Reason::Malformed)?;
        write_integer(self.model, &mut self.model_digits);
        write_integer(self.version, &mut self.version_digits);
        Ok(())
    }

    /// Return what of the event decides where it goes, or why it goes nowhere.
    pub fn header<'a>(&'a self, record: &'a [u8]) -> Result<Header<'a>, Reason> {
        if matches!(self.version, Scalar::Other | Scalar::Number(Number::Double(_)))
            || self.features_found == Features::Wrong
        {
            return Err(Reason::Malformed);
        }
        let name = |scalar: Scalar, digits: &'a str| match scalar {
            Scalar::Text(text) => str::from_utf8(self.bytes_of(text, record)).unwrap_or_default(),
            Scalar::Number(Number::Integer { .. }) => digits,
            _ => "",
        };
        let model = self.constant_model.as_deref().unwrap_or_else(|| name(self.model, &self.model_digits));
        let version = self.constant_version.as_deref().unwrap_or_else(|| name(self.version, &self.version_digits));
        if model.is_empty() {
            return Err(Reason::MissingModel);
        }
        if self.too_long(model) || self.too_long(version) {
            return Err(Reason::Limit);
        }
        let time_ms = match self.timestamp {
            Scalar::Missing => None,
            Scalar::Text(text) => Some(time::of_text(self.bytes_of(text, record))),
            Scalar::Number(number) => Some(time::of_number(number)),
            Scalar::Other => Some(None),
        };
        let time_ms = time_ms.map(|known| known.ok_or(Reason::NoTimestamp)).transpose()?;
        Ok(Header { model, version: if version.is_empty() { NO_VERSION } else { version }, time_ms })
    }

    /// Return a text that the record said.
    #[inline(always)]
    pub fn text_of<'a>(&'a self, value: Value, record: &'a [u8]) -> Option<Text<'a>> {
        let (span, around) = match value {
            Value::Text(span) => (span, record),
            Value::Unescaped(span) => (span, self.unescaped.as_slice()),
            _ => return None,
        };
        Some(Text::within(around, span.start as usize, span.length as usize))
    }

    fn bytes_of<'a>(&'a self, text: Value, record: &'a [u8]) -> &'a [u8] {
        self.text_of(text, record).map_or(b"", Text::bytes)
    }

    /// Return the kept elements of an array.
    pub fn elements_of(&self, kept: Span) -> &[Value] {
        kept.of(&self.elements)
    }

    fn too_long(&self, name: &str) -> bool {
        name.len() > self.limits.name_length && name.chars().count() > self.limits.name_length
    }

    /// Forget all that was said within a node: it has not been said, or is said anew.
    fn reset(&mut self, node: usize) {
        for field in &self.nodes[node].fields {
            match field {
                Field::Model => self.model = Scalar::Missing,
                Field::Version => self.version = Scalar::Missing,
                Field::Timestamp => self.timestamp = Scalar::Missing,
                Field::Prediction => {
                    self.prediction = Value::Missing;
                    self.classes.clear();
                }
                Field::Label => self.label = Value::Missing,
            }
        }
        if self.nodes[node].features_within {
            self.features_found = Features::Missing;
            self.features.clear();
        }
    }

    fn document(&mut self, record: &[u8]) -> Sound<()> {
        let mut scanner = Scanner::new(record);
        if scanner.token()? != b'{' {
            return Err(Malformed);
        }
        self.object(ROOT, 1, scanner)?.end()
    }

    /// Read an object that holds fields; `depth` is its own.
    fn object<'a>(&mut self, node: usize, depth: usize, mut scanner: Scanner<'a>) -> Sound<Scanner<'a>> {
        if depth > DEEPEST {
            return Err(Malformed);
        }
        if self.nodes[node].features {
            self.features_found = Features::Object;
        }
        let mut after = self.nodes[node].keys.start();
        let mut more = scanner.open(b'}')?;
        while more {
            let (meaning, place) = self.nodes[node].keys.read(&mut scanner, after)?;
            after = place;
            match meaning {
                Meaning::Slot(slot) => {
                    let value = self.feature(&mut scanner, depth, slot)?;
                    self.features.put(slot, value);
                }
                Meaning::Ignored => scanner = scanner.skip(depth)?,
                Meaning::Field(field) => scanner = self.field(field, depth, scanner)?,
                Meaning::Inner(inner) => scanner = self.inner(inner, depth, scanner)?,
            }
            more = scanner.another(b'}')?;
        }
        Ok(scanner)
    }

    fn inner<'a>(&mut self, node: usize, depth: usize, mut scanner: Scanner<'a>) -> Sound<Scanner<'a>> {
        self.reset(node); // of duplicate keys the last one counts, whole
        match scanner.token()? {
            b'{' => self.object(node, depth + 1, scanner),
            first => {
                if self.nodes[node].features && first != b'n' {
                    self.features_found = Features::Wrong;
                }
                scanner.skip(depth)
            }
        }
    }

    #[inline(never)]
    fn field<'a>(&mut self, field: Field, depth: usize, mut scanner: Scanner<'a>) -> Sound<Scanner<'a>> {
        match field {
            Field::Model => self.model = self.scalar(&mut scanner, depth)?,
            Field::Version => self.version = self.scalar(&mut scanner, depth)?,
            Field::Timestamp => self.timestamp = self.scalar(&mut scanner, depth)?,
            Field::Label => self.label = self.value(&mut scanner, depth)?,
            Field::Prediction => {
                self.classes.clear();
                self.prediction = if scanner.token()? == b'{' {
                    scanner = self.class_probabilities(depth + 1, scanner)?;
                    Value::Object
                } else {
                    self.value(&mut scanner, depth)?
                };
            }
        }
        Ok(scanner)
    }

    fn class_probabilities<'a>(&mut self, depth: usize, mut scanner: Scanner<'a>) -> Sound<Scanner<'a>> {
        if depth > DEEPEST {
            return Err(Malformed);
        }
        let mut after = self.class_keys.start();
        let mut more = scanner.open(b'}')?;
        while more {
            let (meaning, place) = self.class_keys.read(&mut scanner, after)?;
            after = place;
            if let Meaning::Slot(slot) = meaning {
                let value = self.value(&mut scanner, depth)?;
                self.classes.put(slot, value);
            } else {
                scanner = scanner.skip(depth)?;
            }
            more = scanner.another(b'}')?;
        }
        Ok(scanner)
    }

    #[inline(always)]
    fn scalar(&mut self, scanner: &mut Scanner, depth: usize) -> Sound<Scalar> {
        Ok(match scanner.token()? {
            b'"' => Scalar::Text(self.text(scanner)?),
            b'-' | b'0'..=b'9' | b'N' | b'I' => Scalar::Number(scanner.number()?),
            b'n' => {
                scanner.literal(b"null")?;
                Scalar::Missing
            }
            _ => {
                *scanner = scanner.skip(depth)?;
                Scalar::Other
            }
        })
    }

    /// Read the value of a feature: of an array those elements that columns take.
    #[inline(always)]
    fn feature(&mut self, scanner: &mut Scanner, depth: usize, slot: usize) -> Sound<Value> {
        let elements = self.features.slots[slot].elements;
        if elements > 0 && scanner.token()? == b'[' {
            let (value, behind) = self.array(*scanner, depth + 1, elements)?;
            *scanner = behind;
            return Ok(value);
        }
        self.value(scanner, depth)
    }

    #[inline(always)]
    fn value(&mut self, scanner: &mut Scanner, depth: usize) -> Sound<Value> {
        match scanner.token()? {
            b'-' | b'0'..=b'9' => Ok(Value::Number(scanner.double()?)),
            b'"' => self.text(scanner),
            _ => {
                let (value, behind) = other_value(*scanner, depth)?;
                *scanner = behind;
                Ok(value)
            }
        }
    }

    #[inline(never)]
    fn array<'a>(&mut self, mut scanner: Scanner<'a>, depth: usize, kept: u32) -> Sound<(Value, Scanner<'a>)> {
        if depth > DEEPEST {
            return Err(Malformed);
        }
        let start = self.elements.len();
        let mut length = 0;
        let mut more = scanner.open(b']')?;
        while more {
            if length < kept {
                let value = self.value(&mut scanner, depth)?;
                self.elements.push(value);
            } else {
                scanner = scanner.skip(depth)?;
            }
            length += 1;
            more = scanner.another(b']')?;
        }
        let kept = Span::new(start, self.elements.len() - start);
        Ok((Value::Array { kept, length }, scanner))
    }

    #[inline(always)]
    fn text(&mut self, scanner: &mut Scanner) -> Sound<Value> {
        let RawText { start, end, escaped } = scanner.text()?;
        if !escaped {
            return Ok(Value::Text(Span::new(start, end - start)));
        }
        let first = self.unescaped.len();
        unescape(&scanner.bytes()[start..end], &mut self.unescaped);
        Ok(Value::Unescaped(Span::new(first, self.unescaped.len() - first)))
    }
}

#[inline(never)]
fn other_value(mut scanner: Scanner, depth: usize) -> Sound<(Value, Scanner)> {
    let value = match scanner.token()? {
        b'n' => scanner.literal(b"null").map(|()| Value::Missing)?,
        b't' => scanner.literal(b"true").map(|()| Value::Bool(true))?,
        b'f' => scanner.literal(b"false").map(|()| Value::Bool(false))?,
        b'N' | b'I' => Value::Number(scanner.double()?),
        _ => {
            scanner = scanner.skip(depth)?;
            Value::Other
        }
    };
    Ok((value, scanner))
}

impl Node {
    fn new() -> Self {
        Node { keys: Keys::default(), features: false, fields: Vec::new(), features_within: false }
    }
}

fn want(keys: &mut Keys, row: &mut Row, name: &str, elements: u32) -> usize {
    let slot = match keys.meaning_of(name.as_bytes()) {
        Some(Meaning::Slot(slot)) => slot,
        _ => {
            let slot = row.new_slot();
            keys.define(name.as_bytes(), Meaning::Slot(slot));
            slot
        }
    };
    row.slots[slot].elements = row.slots[slot].elements.max(elements);
    slot
}

/// Write the decimal digits of an integer, if it is one.
fn write_integer(scalar: Scalar, into: &mut String) {
    if let Scalar::Number(Number::Integer { negative, magnitude }) = scalar {
        into.clear();
        let sign = if negative && magnitude > 0 { "-" } else { "" };
        write!(into, "{sign}{magnitude}").expect("a string takes all that is written to it");
    }
}
