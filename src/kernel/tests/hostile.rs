//! Hostile records, each in memory of just its size: what reads beyond one is caught under `make sanitize`.
//!
//! The committed corpus of tests/fuzz, and damaged copies of it and of sound events, from a fixed seed;
//! HOSTILE_ROUNDS says how many batches of these. Whatever comes must neither panic nor depend on how it is batched.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use _kernel::clocks::{Cursor, WindowRule};
use _kernel::columns::{Column, Columns, Kind, Predicted, Shown, Takes};
use _kernel::edges::Edges;
use _kernel::event::Limits;
use _kernel::monitor::{Part, Reference};
use _kernel::places::{Place, Places};
use _kernel::summariser::{InForce, Records, References, Summariser};

const USUAL_ROUNDS: u64 = 300;
const BATCH: usize = 40;
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/corpus/events");

const SOUND: [&str; 5] = [
    r#"{"model":"fraud","version":"3","timestamp":1700000000,"features":{"amount":12.5,"country":"DE","place":[1,2,3]}}"#,
    r#"{"model":"fraud","version":3,"timestamp":"2023-11-14T22:13:20.123+05:45","features":{"amount":-1e-400,"country":"\ud83d\ude00\n"},"prediction":{"yes":0.25,"no":{"a":[]}},"label":true}"#,
    r#"{ "mod\u0065l" : "ads", "timestamp":1700000000123456789, "features" : { "amount" : NaN , "amount":Infinity, "place":[[],{},"x",null] }, "label":0.5,"prediction":0.5 }"#,
    r#"{"features":{"more":[[[[{"a":"b"}]]]],"country":"a text of more than eight bytes, and é\u00e9","amount":123456789012345678901234567890.5e-10},"model":18446744073709551615,"timestamp":-1.5}"#,
    r#"{"model":"fraud","version":null,"features":{"place":null,"country":false,"amount":true},"prediction":"DE","label":"FR"}"#,
];
const ODD: [&[u8]; 12] = [
    b"\x00",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\\u",
    b"-Infinity",
    b"1e99999999999999999999",
    b"[[[[[[[[",
];

/// Draws numbers: SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn choice<'a, T: ?Sized + AsRef<[u8]>>(&mut self, among: &'a [Box<T>]) -> &'a [u8] {
        (*among[self.below(among.len())]).as_ref()
    }
}

/// Damage a record in up to four places.
fn damaged(random: &mut Random, whole: &[Box<[u8]>]) -> Box<[u8]> {
    let mut record = random.choice(whole).to_vec();
    for _ in 0..random.below(5) {
        let at = random.below(record.len() + 1);
        let until = (at + 1 + random.below(40)).min(record.len());
        match random.below(6) {
            0 if at < record.len() => record[at] ^= 1 << random.below(8),
            1 => drop(record.drain(at..until)),
            2 => {
                let again = record[at..until].to_vec();
                record.splice(at..at, again);
            }
            3 => drop(record.splice(at..at, ODD[random.below(ODD.len())].iter().copied())),
            4 => {
                let other = random.choice(whole);
                record.splice(at.., other[random.below(other.len() + 1)..].iter().copied());
            }
            _ => record.truncate(at),
        }
    }
    record.into()
}

/// Two references by turns of the window, and none now and then.
struct Turns([Arc<Columns>; 2]);

impl References for Turns {
    type Failure = Infallible;

    fn find(&mut self, _model: &str, version: &str, start_ms: i64) -> Result<Option<InForce>, Infallible> {
        let turn = (start_ms / 60_000 + version.len() as i64).rem_euclid(3) as usize;
        Ok(self.0.get(turn).map(|columns| InForce {
            reference: Reference {
                columns: Arc::clone(columns),
                reference_id: turn.to_string(),
                summary_id: String::new(),
            },
            borrowed: turn > 0,
        }))
    }
}

/// One column of every kind; the other reference wants more of the same arrays, and hides its texts.
fn columns(length: u32, shown: Shown, predicted: Predicted) -> Arc<Columns> {
    let number = || Kind::Numeric(Edges::new(&[-1.0, 0.0, 0.5, 12.5, 1e300]));
    let class = |open| Kind::categorical(&["DE".into(), "".into(), "true".into()], &[1, 2, 3], &[7], open, shown);
    let element = |index| Takes::Element { feature: "place".into(), index, length };
    let kinds = [
        (Takes::Feature("amount".into()), number()),
        (Takes::Feature("country".into()), class(false)),
        (Takes::Feature("more".into()), class(true)),
        (element(0), number()),
        (element(length - 1), class(false)),
        (Takes::Prediction, if predicted == Predicted::Number { number() } else { class(false) }),
        (Takes::Class("yes".into()), number()),
        (Takes::Label, class(false)),
        (Takes::Error, number()),
    ];
    let column = |(position, (takes, kind))| Column { takes, position, start: position * 10, kind };
    Arc::new(Columns::new(kinds.into_iter().enumerate().map(column).collect(), 90, Some(predicted)))
}

fn summariser() -> Summariser {
    let path = |name: &str| name.split('.').map(str::to_owned).collect::<Vec<_>>();
    let places = Places {
        model: Place::Path(path("model")),
        version: Place::Path(path("version")),
        timestamp: path("timestamp"),
        features: path("features"),
        prediction: path("prediction"),
        label: path("label"),
    };
    let limits = Limits { event_bytes: 1 << 20, name_length: 200 };
    // nothing is ever late: the watermark would begin anew with each batch
    let rule = WindowRule { duration_ms: 60_000, lateness_ms: 1 << 50, skew_ms: 1 << 40 };
    Summariser::new(places, limits, rule, 3)
}

/// Read records that begin at an offset, so many at once.
fn read(summariser: &mut Summariser, references: &mut Turns, records: &[Box<[u8]>], first: i64, at_once: usize) {
    let values: Vec<_> = records.iter().map(Some).collect();
    let offsets: Vec<_> = (first..).take(values.len()).collect();
    let times_ms = vec![1_700_000_000_000; values.len()];
    for ((values, offsets), timestamps_ms) in
        values.chunks(at_once).zip(offsets.chunks(at_once)).zip(times_ms.chunks(at_once))
    {
        let cursor = Cursor { counted_from: 0, watermark_ms: None, refused: vec![(3, 5)] };
        let Ok(tally) =
            summariser.add(&Records { offsets, values, timestamps_ms, clock_ms: None }, &cursor, references);
        assert_eq!(tally.read, tally.summed + tally.late + tally.rejected.len() as u64);
    }
}

/// Whether two parts are the same.
fn same(one: &Part, other: &Part) -> bool {
    let place = |part: &Part| (part.name.clone(), part.start_ms, part.first_offset, part.last_offset, part.events);
    place(one) == place(other) && one.sums == other.sums && one.unseen == other.unseen
}

#[test]
fn hostile_records_do_no_harm_however_they_are_batched() {
    let rounds = std::env::var("HOSTILE_ROUNDS").map_or(USUAL_ROUNDS, |rounds| rounds.parse().expect("a number"));
    let corpus = std::fs::read_dir(Path::new(CORPUS)).expect("the corpus lies beside the other tests");
    let mut whole: Vec<Box<[u8]>> = corpus.map(|file| std::fs::read(file.unwrap().path()).unwrap().into()).collect();
    whole.sort(); // the order of a directory is anybody's guess
    whole.extend(SOUND.iter().map(|event| event.as_bytes().into()));
    let mut random = Random(6);
    let mut references = Turns([columns(3, Shown::Show, Predicted::Number), columns(4, Shown::Hash, Predicted::Class)]);
    let (mut at_once, mut singly) = (summariser(), summariser());
    read(&mut at_once, &mut references, &whole, 0, BATCH);
    read(&mut singly, &mut references, &whole, 0, 1);
    for round in 1..=rounds {
        let records: Vec<_> = (0..BATCH).map(|_| damaged(&mut random, &whole)).collect();
        let first = round as i64 * 1_000;
        read(&mut at_once, &mut references, &records, first, BATCH);
        read(&mut singly, &mut references, &records, first, 1);
        assert_eq!(at_once.least_first_offset(), singly.least_first_offset());
        let (one, other) = (at_once.touched(), singly.touched());
        assert_eq!(one.len(), other.len());
        assert!(one.iter().zip(&other).all(|(one, other)| same(one, other)), "round {round}");
        if round % 50 == 0 {
            assert_eq!(at_once.passed(i64::MAX).len(), singly.passed(i64::MAX).len());
        }
    }
}

#[test]
fn records_cut_off_anywhere_do_no_harm() {
    let mut references = Turns([columns(3, Shown::Show, Predicted::Number), columns(2, Shown::Hide, Predicted::Class)]);
    let mut kernel = summariser();
    for event in SOUND {
        let cut: Vec<Box<[u8]>> = (0..=event.len()).map(|end| event.as_bytes()[..end].into()).collect();
        read(&mut kernel, &mut references, &cut, 0, 1);
        let tails: Vec<Box<[u8]>> = (0..=event.len()).map(|start| event.as_bytes()[start..].into()).collect();
        read(&mut kernel, &mut references, &tails, 0, 7);
    }
}

#[test]
fn zeros_may_make_up_for_any_exponent() {
    for zeros in [10, 65_535, 70_000, 700_000] {
        let nothing = "0".repeat(zeros);
        for number in [format!("-5{nothing}e-{zeros}"), format!("-0.{nothing}5E+000{}", zeros + 1)] {
            let (read, length) = _kernel::number::read(number.as_bytes()).unwrap();
            assert_eq!((read.as_double(), length), (-5.0, number.len()));
        }
    }
}
