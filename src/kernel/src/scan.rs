//! A cursor over the bytes of one JSON document: white space, texts, literals, and values that nobody wants.
//!
//! docs/events.md, "JSON", is the law. Nothing here allocates, and nothing recurses: documents may be 1,024 deep.

use crate::number::{self, Number};

/// The document is not sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

pub type Sound<T> = Result<T, Malformed>;

/// How deep a document may be nested; the document itself is depth 1.
pub const DEEPEST: usize = 1024;

const ONES: u64 = u64::MAX / 0xff;
const HIGH: u64 = ONES * 0x80;

/// Where a text lies between its quotes, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct RawText {
    pub start: usize,
    pub end: usize,
    pub escaped: bool,
}

/// What is called for each value is inlined, and takes the cursor as `&mut self`; what is called now and then takes
/// it by value and returns it. So its position stays in a register.
#[derive(Clone, Copy)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Scanner { bytes, at: 0 }
    }

    /// The whole document.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What has not been read.
    #[inline(always)]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub fn position(&self) -> usize {
        self.at
    }

    #[inline(always)]
    pub fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    #[inline(always)]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    pub fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The first byte of the next token, which stays unread.
    #[inline(always)]
    pub fn token(&mut self) -> Sound<u8> {
        self.skip_space();
        self.peek().ok_or(Malformed)
    }

    /// Whether the next byte is this one; then it is read.
    #[inline(always)]
    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline(always)]
    pub fn expect(&mut self, byte: u8) -> Sound<()> {
        self.skip_space();
        if self.eat(byte) { Ok(()) } else { Err(Malformed) }
    }

    /// Read the bracket that opens a container; say whether it has members.
    #[inline(always)]
    pub fn open(&mut self, close: u8) -> Sound<bool> {
        self.at += 1;
        self.skip_space();
        Ok(!self.eat(close))
    }

    /// Read what follows a member: say whether another one does.
    #[inline(always)]
    pub fn another(&mut self, close: u8) -> Sound<bool> {
        match self.token()? {
            b',' => {
                self.at += 1;
                self.skip_space();
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(Malformed),
        }
    }

    /// Read what is left: nothing but white space.
    pub fn end(mut self) -> Sound<()> {
        self.skip_space();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Malformed) }
    }

    /// Read a literal such as `true`, wherever its first byte was seen.
    #[inline(always)]
    pub fn literal(&mut self, word: &[u8]) -> Sound<()> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Malformed)
        }
    }

    /// Read a number, `NaN`, `Infinity` or `-Infinity`.
    #[inline(always)]
    pub fn number(&mut self) -> Sound<Number> {
        let (number, length) = number::read(self.rest())?;
        self.at += length;
        Ok(number)
    }

    /// Read a number as the nearest double.
    #[inline(always)]
    pub fn double(&mut self) -> Sound<f64> {
        let (double, length) = number::read_double(self.rest())?;
        self.at += length;
        Ok(double)
    }

    /// Read a text: its quotes, its escapes, and whether it is UTF-8.
    #[inline(always)]
    pub fn text(&mut self) -> Sound<RawText> {
        if !self.eat(b'"') {
            return Err(Malformed);
        }
        let start = self.at;
        let mut escaped = false;
        let mut seen = 0;
        loop {
            seen |= self.skip_plain();
            match self.peek().ok_or(Malformed)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    *self = self.escape()?;
                }
                _ => return Err(Malformed), // a control character
            }
        }
        let text = RawText { start, end: self.at, escaped };
        self.at += 1;
        if seen & HIGH != 0 && std::str::from_utf8(&self.bytes[text.start..text.end]).is_err() {
            return Err(Malformed);
        }
        Ok(text)
    }

    /// Skip to the next quote, backslash or control character; the result has all bits of the bytes skipped.
    #[inline(always)]
    fn skip_plain(&mut self) -> u64 {
        let mut seen = 0;
        while let Some(&chunk) = self.rest().first_chunk::<8>() {
            let word = u64::from_le_bytes(chunk);
            let quotes = word ^ (ONES * u64::from(b'"'));
            let backslashes = word ^ (ONES * u64::from(b'\\'));
            // The lowest byte that is flagged is one that was looked for: borrows reach only those above it.
            let found = (quotes.wrapping_sub(ONES) & !quotes
                | backslashes.wrapping_sub(ONES) & !backslashes
                | word.wrapping_sub(ONES * 0x20) & !word)
                & HIGH;
            if found != 0 {
                let plain = found.trailing_zeros() / 8;
                self.at += plain as usize;
                return seen | word & ((1u64 << (8 * plain)) - 1);
            }
            seen |= word;
            self.at += 8;
        }
        while let Some(byte) = self.peek().filter(|byte| !matches!(byte, b'"' | b'\\' | ..0x20)) {
            seen |= u64::from(byte);
            self.at += 1;
        }
        seen
    }

    #[inline(never)]
    fn escape(mut self) -> Sound<Self> {
        self.at += 1;
        let kind = self.peek().ok_or(Malformed)?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(self),
            b'u' => match self.four_digits()? {
                0xd800..=0xdbff => {
                    self.literal(b"\\u")?;
                    if (0xdc00..=0xdfff).contains(&self.four_digits()?) { Ok(self) } else { Err(Malformed) }
                }
                0xdc00..=0xdfff => Err(Malformed),
                _ => Ok(self),
            },
            _ => Err(Malformed),
        }
    }

    fn four_digits(&mut self) -> Sound<u32> {
        let digits = self.rest().first_chunk::<4>().ok_or(Malformed)?;
        self.at += 4;
        hexadecimal(digits).ok_or(Malformed)
    }

    /// Read a value that nobody wants; `depth` is that of the container it stands in.
    #[inline(never)]
    pub fn skip(mut self, depth: usize) -> Sound<Self> {
        let outside = depth;
        let mut depth = depth;
        let mut in_object = [0u64; DEEPEST.div_ceil(64)]; // one bit for each depth
        loop {
            // 1. a value begins
            match self.token()? {
                b'"' => {
                    self.text()?;
                }
                b'-' | b'0'..=b'9' | b'N' | b'I' => {
                    self.number()?;
                }
                b't' => self.literal(b"true")?,
                b'f' => self.literal(b"false")?,
                b'n' => self.literal(b"null")?,
                open @ (b'{' | b'[') => {
                    if depth == DEEPEST {
                        return Err(Malformed);
                    }
                    let bit = 1 << (depth % 64);
                    let object = open == b'{';
                    if object {
                        in_object[depth / 64] |= bit;
                    } else {
                        in_object[depth / 64] &= !bit;
                    }
                    if self.open(if object { b'}' } else { b']' })? {
                        depth += 1;
                        if object {
                            self.skip_key()?;
                        }
                        continue;
                    }
                }
                _ => return Err(Malformed),
            }
            // 2. a value has ended: on to the next one, in whatever container still has one
            loop {
                if depth == outside {
                    return Ok(self);
                }
                let object = in_object[(depth - 1) / 64] & (1 << ((depth - 1) % 64)) != 0;
                if self.another(if object { b'}' } else { b']' })? {
                    if object {
                        self.skip_key()?;
                    }
                    break;
                }
                depth -= 1;
            }
        }
    }

    fn skip_key(&mut self) -> Sound<()> {
        self.text()?;
        self.expect(b':')
    }
}

/// Append what a text stands for. It has been scanned, so its escapes are sound.
pub fn unescape(raw: &[u8], into: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        into.extend_from_slice(&rest[..at]);
        let (character, length) = match rest[at + 1] {
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            b'u' => code_point(&rest[at..]),
            itself => (char::from(itself), 2),
        };
        into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + length..];
    }
    into.extend_from_slice(rest);
}

fn code_point(escape: &[u8]) -> (char, usize) {
    let unit = |at: usize| escape[at..].first_chunk::<4>().and_then(hexadecimal).unwrap_or_default();
    let high = unit(2);
    if (0xd800..=0xdbff).contains(&high) {
        let paired = 0x10000 + ((high - 0xd800) << 10) + (unit(8) - 0xdc00);
        (char::from_u32(paired).unwrap_or_default(), 12)
    } else {
        (char::from_u32(high).unwrap_or_default(), 6)
    }
}

fn hexadecimal(digits: &[u8; 4]) -> Option<u32> {
    digits.iter().try_fold(0, |number, &digit| Some(number * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(document: &[u8]) -> Sound<()> {
        Scanner::new(document).skip(0)?.end()
    }

    #[test]
    fn nesting_is_sound_up_to_the_bound() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(skipped(nested(DEEPEST).as_bytes()), Ok(()));
        assert_eq!(skipped(nested(DEEPEST + 1).as_bytes()), Err(Malformed));
        let objects = |depth: usize| r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
        assert_eq!(skipped(objects(DEEPEST).as_bytes()), Ok(()));
        assert_eq!(skipped(objects(DEEPEST + 1).as_bytes()), Err(Malformed));
    }

    #[test]
    fn a_text_of_any_length_ends_at_its_quote() {
        for length in 0..40 {
            let document = format!("\"{}\" ", "é".repeat(length));
            let mut scanner = Scanner::new(document.as_bytes());
            let text = scanner.text().unwrap();
            assert_eq!((text.start, text.end), (1, 1 + 2 * length));
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_malformed() {
        let document = br#"{"a": [1.5e3, {"b\n\ud83d\ude00": "\"", "c": null}, true, false, NaN, -Infinity], "d": {}}"#;
        assert_eq!(skipped(document), Ok(()));
        for length in 0..document.len() {
            assert_eq!(skipped(&document[..length]), Err(Malformed), "{length}");
        }
    }

    #[test]
    fn escapes_stand_for_their_characters() {
        let mut text = Vec::new();
        unescape(br#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#, &mut text);
        assert_eq!(text, "a\"\\/\u{8}\u{c}\n\r\té😀z".as_bytes());
    }
}
