//! One record to one event, or to the reason why not: steps 1 to 7 of docs/events.md.

use std::fmt::Write;

use crate::keys::{Field, Keys, Meaning};
use crate::number::Number;
use crate::places::{Places, ROOT, Tree};
use crate::scan::{DEEPEST, Malformed, RawText, Scanner, Sound, unescape};
use crate::texts::Text;
use crate::time;
use crate::values::{Row, Span, Value};

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

/// Where the features' object was looked for, and what was found there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Features {
    Missing,
    Object,
    Wrong,
}

/// A name in a place that may hold other things.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scalar {
    Missing,
    Text(Value),
    Number(Number),
    Other,
}

/// What bounds a record.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub event_bytes: usize,
    pub name_length: usize,
}

/// Reads records of one topic, and holds what the last one said.
pub struct Event {
    tree: Tree,
    class_keys: Keys,
    limits: Limits,
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

const NO_VERSION: &str = "none";
const GZIP: &[u8] = b"\x1f\x8b";

impl Event {
    pub fn new(places: Places, limits: Limits) -> Self {
        Event {
            tree: Tree::new(places),
            class_keys: Keys::default(),
            limits,
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
        }
    }

    /// Return where the values of a feature are found from now on; of an array so many elements at least.
    pub fn want_feature(&mut self, name: &str, elements: u32) -> usize {
        self.features.want(&mut self.tree.nodes[self.tree.features].keys, name, elements)
    }

    /// Return where the values of a class's probability are found from now on.
    pub fn want_class(&mut self, name: &str) -> usize {
        self.classes.want(&mut self.class_keys, name, 0)
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
        let model = self.tree.model.as_deref().unwrap_or_else(|| name(self.model, &self.model_digits));
        let version = self.tree.version.as_deref().unwrap_or_else(|| name(self.version, &self.version_digits));
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
        for field in &self.tree.nodes[node].fields {
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
        if self.tree.nodes[node].features_within {
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
        if self.tree.nodes[node].features {
            self.features_found = Features::Object;
        }
        let mut after = self.tree.nodes[node].keys.start();
        let mut more = scanner.open(b'}')?;
        while more {
            let (meaning, place) = self.tree.nodes[node].keys.read(&mut scanner, after)?;
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
                if self.tree.nodes[node].features && first != b'n' {
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
        let elements = self.features.elements(slot);
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

/// Write the decimal digits of an integer, if it is one.
fn write_integer(scalar: Scalar, into: &mut String) {
    if let Scalar::Number(Number::Integer { negative, magnitude }) = scalar {
        into.clear();
        let sign = if negative && magnitude > 0 { "-" } else { "" };
        write!(into, "{sign}{magnitude}").expect("a string takes all that is written to it");
    }
}
