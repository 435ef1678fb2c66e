//! The kernel alone against simd-json's tape parse: one core, the same bytes, by turns.
//!
//!     cargo bench --no-default-features --bench against_tape -- EVENTS PROFILE ROUNDS
//!
//! EVENTS holds one event a line, PROFILE the columns that they are held against (benchmarks/speed/tape.py writes
//! both). Prints a line a round: the nanoseconds that each took for an event, tape first. What the kernel takes is
//! that of scanning, binning and summing, in batches as the daemon reads them; the tape's buffers are used again.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use _kernel::clocks::{Cursor, WindowRule};
use _kernel::columns::{Column, Columns, Kind, Predicted, Shown, Takes};
use _kernel::edges::Edges;
use _kernel::event::Limits;
use _kernel::monitor::Reference;
use _kernel::places::{Place, Places};
use _kernel::summariser::{InForce, Records, References, Summariser};
use simd_json::prelude::{ValueAsScalar, ValueObjectAccessAsArray, ValueObjectAccessAsScalar};
use simd_json::{Buffers, OwnedValue, Tape};

const BATCH_RECORDS: usize = 1_000;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [events, profile, rounds] = given.as_slice() else {
        return Err("expected EVENTS PROFILE ROUNDS".into());
    };
    let bytes = std::fs::read(events)?;
    let columns = Arc::new(read_columns(&mut std::fs::read(profile)?)?);
    let mut kernel = KernelAlone::new(&bytes, columns);
    let mut buffers = Buffers::default();
    for round in 0..=rounds.parse()? {
        let figures = (nanoseconds_of_tape(&bytes, &mut buffers)?, kernel.nanoseconds()?);
        if round > 0 {
            // the first one warms up
            println!("{:.2} {:.2}", figures.0, figures.1);
        }
    }
    Ok(())
}

/// Parse every line of a copy to a tape, since parsing changes what it reads; copying is not timed.
fn nanoseconds_of_tape(bytes: &[u8], buffers: &mut Buffers) -> Result<f64, Failure> {
    let mut copy = bytes.to_vec();
    let lines: Vec<&mut [u8]> = copy.split_mut(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    let count = lines.len();
    let mut tape = Tape(Vec::new());
    let began = Instant::now();
    for line in lines {
        simd_json::fill_tape(line, buffers, &mut tape)?;
        black_box(&tape.0);
    }
    Ok(began.elapsed().as_nanos() as f64 / count as f64)
}

/// Sums every line into one window's sums, or as many as the events' times need.
struct KernelAlone<'a> {
    values: Vec<Option<&'a [u8]>>,
    offsets: Vec<i64>,
    summariser: Summariser,
    columns: Arc<Columns>,
}

impl<'a> KernelAlone<'a> {
    fn new(bytes: &'a [u8], columns: Arc<Columns>) -> Self {
        let values: Vec<_> = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(Some).collect();
        let path = |name: &str| vec![name.to_owned()];
        let places = Places {
            model: Place::Path(path("model")),
            version: Place::Path(path("version")),
            timestamp: path("timestamp"),
            features: path("features"),
            prediction: path("prediction"),
            label: path("label"),
        };
        let limits = Limits { event_bytes: 1 << 20, name_length: 200 };
        let rule = WindowRule { duration_ms: 60_000, lateness_ms: 30_000, skew_ms: 300_000 };
        KernelAlone {
            offsets: (0..).take(values.len()).collect(),
            values,
            summariser: Summariser::new(places, limits, rule, 1_000),
            columns,
        }
    }

    /// Sum all events once more; no watermark is carried from batch to batch, so none is ever late.
    fn nanoseconds(&mut self) -> Result<f64, Failure> {
        let cursor = Cursor { counted_from: 0, watermark_ms: None, refused: Vec::new() };
        let mut references = OneReference(Arc::clone(&self.columns));
        let mut summed = 0;
        let began = Instant::now();
        for (offsets, values) in self.offsets.chunks(BATCH_RECORDS).zip(self.values.chunks(BATCH_RECORDS)) {
            let records = Records { offsets, values, timestamps_ms: &[], clock_ms: None };
            summed += self.summariser.add(&records, &cursor, &mut references)?.summed;
        }
        let took = began.elapsed();
        if summed != self.values.len() as u64 {
            return Err(format!("{summed} of {} events were summed", self.values.len()).into());
        }
        Ok(took.as_nanos() as f64 / self.values.len() as f64)
    }
}

/// The same columns for whatever is asked.
struct OneReference(Arc<Columns>);

impl References for OneReference {
    type Failure = Failure;

    fn find(&mut self, _model: &str, _version: &str, _start_ms: i64) -> Result<Option<InForce>, Failure> {
        let reference =
            Reference { columns: Arc::clone(&self.0), reference_id: String::new(), summary_id: String::new() };
        Ok(Some(InForce { reference, borrowed: false }))
    }
}

fn read_columns(profile: &mut [u8]) -> Result<Columns, Failure> {
    let document = simd_json::to_owned_value(profile)?;
    let columns = document.get_array("columns").ok_or("no columns")?.iter().map(column).collect::<Option<_>>();
    let columns = columns.ok_or("a column lacks something")?;
    Ok(Columns::new(columns, document.get_usize("size").ok_or("no size")?, Some(Predicted::Number)))
}

fn column(given: &OwnedValue) -> Option<Column> {
    let name = given.get_str("name")?.to_owned();
    let kind = match given.get_array("edges") {
        Some(edges) => {
            Kind::Numeric(Edges::new(&edges.iter().map(ValueAsScalar::cast_f64).collect::<Option<Vec<_>>>()?))
        }
        None => {
            let texts = given.get_array("categories")?.iter().map(|text| text.as_str().map(str::to_owned));
            Kind::categorical(&texts.collect::<Option<Vec<_>>>()?, &[], &[], false, Shown::Show)
        }
    };
    Some(Column {
        takes: if given.get_str("role")? == "prediction" { Takes::Prediction } else { Takes::Feature(name) },
        position: given.get_usize("position")?,
        start: given.get_usize("start")?,
        kind,
    })
}
