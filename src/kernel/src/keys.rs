//! The keys of one object: what each of them means, and in which order they have come so far.
//!
//! Producers write their keys in the same order, event for event. So each key that was met remembers which ones
//! have come after it, byte for byte as they were written, and the next key is first compared with those. A
//! key that is none of them is looked up by its name, and takes the second place; the order that was learnt stays.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use crate::scan::{RawText, Scanner, Sound, unescape};

/// Keys without a meaning that are remembered, all that input can make it hold; beyond that all of them are forgotten.
const STRANGERS_KEPT: usize = 4_096;
const STRANGER_BYTES: usize = 256;

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing that anybody looks at.
    Ignored,
    /// A field of the event.
    Field(Field),
    /// An object on the way to fields, by its number.
    Inner(usize),
    /// A value that columns take, by its place in the object's row.
    Slot(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Model,
    Version,
    Timestamp,
    Prediction,
    Label,
}

struct Key {
    written: Written,
    meaning: Meaning,
    followers: [usize; 2],
}

const WORDS: usize = 4;

/// A key from its opening quote to its colon, as it was written last.
struct Written {
    bytes: Box<[u8]>,
    /// The first bytes once more, as words to compare at once, and which bits of them count.
    words: [u64; WORDS],
    counting: [u64; WORDS],
}

impl Written {
    fn new(bytes: &[u8]) -> Self {
        let word = |at: usize, byte: &dyn Fn(u8) -> u8| {
            u64::from_le_bytes(std::array::from_fn(|i| bytes.get(8 * at + i).map_or(0, |&given| byte(given))))
        };
        Written {
            bytes: bytes.into(),
            words: std::array::from_fn(|at| word(at, &|given| given)),
            counting: std::array::from_fn(|at| word(at, &|_| 0xff)),
        }
    }

    /// Whether a document goes on with this key; never where it has not been written yet.
    #[inline(always)]
    fn begins(&self, rest: &[u8]) -> bool {
        let length = self.bytes.len();
        match rest.first_chunk::<{ 8 * WORDS }>() {
            Some(chunk) if length <= chunk.len() => {
                let (words, _) = chunk.as_chunks::<8>();
                let differing = (0..WORDS).fold(0, |differing, at| {
                    differing | (u64::from_le_bytes(words[at]) ^ self.words[at]) & self.counting[at]
                });
                differing == 0 && length > 0
            }
            _ => length > 0 && rest.starts_with(&self.bytes),
        }
    }
}

/// Before the first key.
const START: usize = 0;

pub struct Keys {
    known: Vec<Key>,
    by_name: HashMap<Box<[u8]>, usize, RandomState>,
    strangers: usize,
    name: Vec<u8>,
}

impl Default for Keys {
    fn default() -> Self {
        let start = Key { written: Written::new(b""), meaning: Meaning::Ignored, followers: [START; 2] };
        Keys { known: vec![start], by_name: HashMap::default(), strangers: 0, name: Vec::new() }
    }
}

impl Keys {
    pub fn meaning_of(&self, name: &[u8]) -> Option<Meaning> {
        self.by_name.get(name).map(|&key| self.known[key].meaning)
    }

    /// Give a name its meaning.
    pub fn define(&mut self, name: &[u8], meaning: Meaning) {
        match self.by_name.get(name) {
            Some(&key) => {
                if self.known[key].meaning == Meaning::Ignored {
                    self.strangers -= 1;
                }
                self.known[key].meaning = meaning;
            }
            None => {
                self.remember(name, b"", meaning);
            }
        }
    }

    /// Where the keys of an object begin.
    pub fn start(&self) -> Place {
        Place(START)
    }

    /// Read a key and its colon, at its opening quote; return its meaning and where the next one follows.
    #[inline(always)]
    pub fn read(&mut self, scanner: &mut Scanner, after: Place) -> Sound<(Meaning, Place)> {
        for follower in self.known[after.0].followers {
            let key = &self.known[follower];
            if key.written.begins(scanner.rest()) {
                scanner.advance(key.written.bytes.len());
                let meaning = key.meaning;
                let followers = &mut self.known[after.0].followers;
                if followers[0] != follower {
                    followers.swap(0, 1);
                }
                return Ok((meaning, Place(follower)));
            }
        }
        let (meaning, place, behind) = self.look_up(*scanner, after)?;
        *scanner = behind;
        Ok((meaning, place))
    }

    #[cold]
    fn look_up<'a>(&mut self, mut scanner: Scanner<'a>, after: Place) -> Sound<(Meaning, Place, Scanner<'a>)> {
        let first = scanner.position();
        let text = scanner.text()?;
        scanner.expect(b':')?;
        let bytes = scanner.bytes();
        let written = &bytes[first..scanner.position()];
        let key = self.find(&bytes[text.start..text.end], text, written);
        let Some(key) = key else {
            return Ok((Meaning::Ignored, after, scanner));
        };
        let place = if after.0 < self.known.len() { after.0 } else { START }; // strangers may just have been forgotten
        let followers = &mut self.known[place].followers;
        followers[usize::from(followers[0] != START)] = key;
        Ok((self.known[key].meaning, Place(key), scanner))
    }

    /// Find a key by what stands between its quotes; None where it is not worth remembering.
    fn find(&mut self, raw: &[u8], text: RawText, written: &[u8]) -> Option<usize> {
        self.name.clear();
        if text.escaped {
            unescape(raw, &mut self.name);
        } else {
            self.name.extend_from_slice(raw);
        }
        if let Some(&key) = self.by_name.get(self.name.as_slice()) {
            let worth_it = written.len() <= self.name.len() + STRANGER_BYTES; // white space may be endless
            if worth_it && *self.known[key].written.bytes != *written {
                self.known[key].written = Written::new(written);
            }
            return Some(key);
        }
        if written.len() > STRANGER_BYTES {
            return None;
        }
        if self.strangers == STRANGERS_KEPT {
            self.forget_strangers();
        }
        let name = std::mem::take(&mut self.name);
        Some(self.remember(&name, written, Meaning::Ignored))
    }

    fn remember(&mut self, name: &[u8], written: &[u8], meaning: Meaning) -> usize {
        let key = self.known.len();
        self.known.push(Key { written: Written::new(written), meaning, followers: [START; 2] });
        self.by_name.insert(name.into(), key);
        self.strangers += usize::from(meaning == Meaning::Ignored);
        key
    }

    /// Forget the keys that mean nothing, and every order with them.
    fn forget_strangers(&mut self) {
        let known = &self.known;
        let mut kept: Vec<_> =
            self.by_name.drain().filter(|&(_, key)| known[key].meaning != Meaning::Ignored).collect();
        kept.sort_by_key(|&(_, key)| key);
        let meanings: Vec<_> = kept.iter().map(|&(_, key)| known[key].meaning).collect();
        self.known.truncate(1);
        self.known[START].followers = [START; 2];
        self.strangers = 0;
        for ((name, _), meaning) in kept.into_iter().zip(meanings) {
            self.remember(&name, b"", meaning);
        }
    }
}

/// A place among the keys of an object: behind one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

#[cfg(test)]
mod tests {
    use super::*;

    fn meanings(keys: &mut Keys, document: &str) -> Vec<Meaning> {
        let mut scanner = Scanner::new(document.as_bytes());
        let mut found = Vec::new();
        let mut after = keys.start();
        let mut more = scanner.open(b'}').unwrap();
        while more {
            let (meaning, place) = keys.read(&mut scanner, after).unwrap();
            after = place;
            found.push(meaning);
            scanner = scanner.skip(1).unwrap();
            more = scanner.another(b'}').unwrap();
        }
        found
    }

    #[test]
    fn keys_mean_the_same_in_every_order_and_writing() {
        let mut keys = Keys::default();
        keys.define(b"a", Meaning::Slot(1));
        keys.define(b"b", Meaning::Slot(2));
        let (a, b, other) = (Meaning::Slot(1), Meaning::Slot(2), Meaning::Ignored);
        for _ in 0..3 {
            assert_eq!(meanings(&mut keys, r#"{"a":1,"x":1,"b":2}"#), [a, other, b]);
            assert_eq!(meanings(&mut keys, r#"{"b":1,"a":2}"#), [b, a]);
            assert_eq!(meanings(&mut keys, "{ \"\\u0061\" : 1 , \"b\"\t:2, \"bb\": 3}"), [a, b, other]);
            assert_eq!(meanings(&mut keys, r#"{"a":1,"a":2,"":3}"#), [a, a, other]);
        }
    }

    #[test]
    fn a_stranger_can_come_to_mean_something() {
        let mut keys = Keys::default();
        assert_eq!(meanings(&mut keys, r#"{"a":1}"#), [Meaning::Ignored]);
        keys.define(b"a", Meaning::Slot(0));
        assert_eq!(meanings(&mut keys, r#"{"a":1}"#), [Meaning::Slot(0)]);
    }

    #[test]
    fn strangers_are_forgotten_and_what_has_a_meaning_is_kept() {
        let mut keys = Keys::default();
        keys.define(b"a", Meaning::Slot(0));
        for number in 0..3 * STRANGERS_KEPT {
            let document = format!(r#"{{"stranger {number}":1,"a":2,"stranger {number} too":3}}"#);
            assert_eq!(meanings(&mut keys, &document), [Meaning::Ignored, Meaning::Slot(0), Meaning::Ignored]);
        }
        assert!(keys.known.len() <= STRANGERS_KEPT + 2);
    }
}
