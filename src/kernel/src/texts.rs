//! Texts as they stand in a record, and a table from the texts of categories to their bins.

/// A text and what it stands in: bytes behind it may be read, which saves a branch on how short it is.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    around: &'a [u8],
    start: usize,
    length: usize,
}

impl<'a> Text<'a> {
    pub fn within(around: &'a [u8], start: usize, length: usize) -> Self {
        Text { around, start, length }
    }

    pub fn whole(text: &'a [u8]) -> Self {
        Text { around: text, start: 0, length: text.len() }
    }

    #[inline(always)]
    pub fn bytes(self) -> &'a [u8] {
        &self.around[self.start..][..self.length]
    }

    /// Its first and its last bytes, which are all of it if it is short.
    #[inline(always)]
    fn ends(self) -> [u64; 2] {
        let head = match self.around[self.start..].first_chunk::<WORD>() {
            Some(&chunk) => u64::from_le_bytes(chunk),
            None => self.bytes().iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        match self.bytes().last_chunk::<WORD>() {
            Some(&chunk) => [head, u64::from_le_bytes(chunk)],
            None => [head & ((1 << (8 * self.length)) - 1), 0],
        }
    }
}

const WORD: usize = 8;
const SHORT: usize = 2 * WORD;

#[derive(Clone, Copy)]
struct Entry {
    ends: [u64; 2],
    length: usize,
    /// None: the place is empty.
    bin: Option<u32>,
}

/// Finds the bin of a text, with open addressing; at most half of the places are taken.
///
/// The texts are those of a reference, and so nobody's attack: the hash is a quick one.
pub struct Bins {
    places: Box<[Entry]>,
    texts: Box<[Box<[u8]>]>,
}

impl Bins {
    pub fn new(texts: &[String]) -> Self {
        let empty = Entry { ends: [0; 2], length: 0, bin: None };
        let mut places = vec![empty; (2 * texts.len()).next_power_of_two().max(2)];
        for (bin, text) in (0..).zip(texts) {
            let text = Text::whole(text.as_bytes());
            let mut place = place_of(text.ends(), text.length, places.len());
            while places[place].bin.is_some() {
                place = (place + 1) % places.len();
            }
            places[place] = Entry { ends: text.ends(), length: text.length, bin: Some(bin) };
        }
        Bins { places: places.into(), texts: texts.iter().map(|text| text.as_bytes().into()).collect() }
    }

    #[inline(always)]
    pub fn find(&self, text: Text) -> Option<usize> {
        let ends = text.ends();
        let mut place = place_of(ends, text.length, self.places.len());
        loop {
            let entry = &self.places[place];
            let bin = entry.bin? as usize;
            let alike = entry.ends == ends && entry.length == text.length;
            if alike && (text.length <= SHORT || *self.texts[bin] == *text.bytes()) {
                return Some(bin);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }
}

/// Where the search for a text begins; `places` is a power of two.
#[inline(always)]
fn place_of([head, tail]: [u64; 2], length: usize, places: usize) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 divided by the golden ratio (Knuth, volume 3, section 6.4)
    let mixed = (head ^ tail.rotate_left(29) ^ length as u64).wrapping_mul(MIX);
    (mixed >> 32) as usize & (places - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_found_wherever_they_stand() {
        let texts: Vec<String> =
            (0..40).flat_map(|length| ["a", "b"].map(|letter| letter.repeat(length))).skip(1).collect();
        let bins = Bins::new(&texts);
        for (bin, text) in texts.iter().enumerate() {
            let around = format!("\"{text}\"");
            assert_eq!(bins.find(Text::whole(text.as_bytes())), Some(bin));
            assert_eq!(bins.find(Text::within(around.as_bytes(), 1, text.len())), Some(bin));
            assert_eq!(bins.find(Text::whole(around.as_bytes())), None);
        }
    }

    #[test]
    fn long_texts_that_differ_in_the_middle_are_told_apart() {
        let texts: Vec<String> = (0..10).map(|digit| format!("the same head{digit}the same tail")).collect();
        let bins = Bins::new(&texts[1..]);
        assert_eq!(bins.find(Text::whole(texts[3].as_bytes())), Some(2));
        assert_eq!(bins.find(Text::whole(texts[0].as_bytes())), None);
    }

    #[test]
    fn without_texts_nothing_is_found() {
        assert_eq!(Bins::new(&[]).find(Text::whole(b"")), None);
    }
}
