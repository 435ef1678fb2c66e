//! The values that columns may take, and the rows that hold those of one record.

use crate::keys::{Keys, Meaning};

/// A run of bytes or of values, by where it begins and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub length: u32,
}

impl Span {
    pub fn new(start: usize, length: usize) -> Self {
        // what is read is shorter than 4 GiB: see `Limits::event_bytes`
        Span { start: start as u32, length: length as u32 }
    }

    pub fn of<T>(self, all: &[T]) -> &[T] {
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
    pub fn clear(&mut self) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.slots.iter_mut().for_each(|slot| slot.round = 0);
            self.round = 1;
        }
    }

    #[inline(always)]
    pub fn put(&mut self, slot: usize, value: Value) {
        self.slots[slot].round = self.round;
        self.slots[slot].value = value;
    }

    #[inline(always)]
    pub fn get(&self, slot: usize) -> Value {
        let slot = &self.slots[slot];
        if slot.round == self.round { slot.value } else { Value::Missing }
    }

    /// How many elements of an array are kept in a slot.
    #[inline(always)]
    pub fn elements(&self, slot: usize) -> u32 {
        self.slots[slot].elements
    }

    /// Return the slot of a name's values, and have its key mean it from now on; of arrays so many elements are kept
    /// at least.
    pub fn want(&mut self, keys: &mut Keys, name: &str, elements: u32) -> usize {
        let slot = match keys.meaning_of(name.as_bytes()) {
            Some(Meaning::Slot(slot)) => slot,
            _ => {
                let slot = self.slots.len();
                self.slots.push(Slot { round: 0, elements: 0, value: Value::Missing });
                keys.define(name.as_bytes(), Meaning::Slot(slot));
                slot
            }
        };
        self.slots[slot].elements = self.slots[slot].elements.max(elements);
        slot
    }
}
