//! The texts of one column that the reference has never seen: those of the least hashes, with exact counts.

use std::collections::BTreeMap;

use blake2::Blake2b;
use blake2::digest::{Digest, consts::U8};

/// As in values.part.
const KEPT: usize = 16;
const CHARACTERS_KEPT: usize = 128;

/// The unsigned 64-bit hash of a text: BLAKE2b-64 of its UTF-8, little-endian (values.hashing).
pub fn text_hash(text: &[u8]) -> u64 {
    u64::from_le_bytes(Blake2b::<U8>::digest(text).into())
}

/// What stands for a text where values are not shown: `#` and the hash's 16 hexadecimal digits (values.privacy).
pub fn token(hash: u64) -> String {
    format!("#{hash:016x}")
}

/// A bottom-k set by hash. Evicting keeps the counts exact: a text goes only when as many others as are kept have
/// lesser hashes, and those stay or yield to still lesser ones, so it never comes back.
#[derive(Default)]
pub struct UnseenTexts {
    kept: BTreeMap<u64, (Box<str>, u64)>,
}

impl UnseenTexts {
    /// Count a text, or what stands for it, by the text's hash.
    pub fn add(&mut self, hash: u64, text: &str) {
        if let Some((kept, events)) = self.kept.get_mut(&hash) {
            *events += 1;
            let text = shortened(text);
            if *text < **kept {
                *kept = text.into(); // another text of the same hash: the same one stays, whichever came first
            }
            return;
        }
        if self.kept.len() == KEPT {
            match self.kept.last_entry() {
                Some(greatest) if hash < *greatest.key() => greatest.remove(),
                _ => return,
            };
        }
        self.kept.insert(hash, (shortened(text).into(), 1));
    }

    /// What is kept: hash, text and events, by rising hash.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &str, u64)> {
        self.kept.iter().map(|(&hash, (text, events))| (hash, &**text, *events))
    }
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(CHARACTERS_KEPT).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_other_side() {
        // hashlib.blake2b(b"DE", digest_size=8).digest(), read as a little-endian integer
        assert_eq!(text_hash(b"DE"), 0x8a385c6835f8edd9);
    }

    #[test]
    fn counts_are_exact_for_what_is_kept() {
        let mut texts = UnseenTexts::default();
        for round in 0..3 {
            for number in 0..100u64 {
                texts.add(number * 7 % 101, &format!("{round}"));
            }
        }
        let hashes: Vec<_> = texts.iter().map(|(hash, _, events)| (hash, events)).collect();
        assert_eq!(hashes, (0..16).map(|hash| (hash, 3)).collect::<Vec<_>>());
    }
}
