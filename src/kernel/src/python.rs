//! The module `driftd._kernel` (its types: src/driftd/_kernel.pyi).

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyList, PyRange};

use crate::clocks::{Cursor, WindowRule};
use crate::columns::{self, Column, Kind, Predicted, Shown, Takes};
use crate::edges::Edges;
use crate::event::Limits;
use crate::monitor::{self, Reference};
use crate::places::{Place, Places};
use crate::summariser::{InForce, Records, References, Summariser, Tally, names};

#[pymodule]
mod _kernel {
    #[pymodule_export]
    use super::{Columns, Kernel};
}

/// Where a topic writes its fields; a text instead of a path is a constant.
#[derive(FromPyObject)]
struct PlacesGiven {
    model: PlaceGiven,
    version: PlaceGiven,
    timestamp: Vec<String>,
    features: Vec<String>,
    prediction: Vec<String>,
    label: Vec<String>,
}

#[derive(FromPyObject)]
enum PlaceGiven {
    Constant(String),
    Path(Vec<String>),
}

#[derive(FromPyObject)]
struct BoundsGiven {
    event_bytes: usize,
    name_length: usize,
    monitors: usize,
    duration_ms: i64,
    lateness_ms: i64,
    skew_ms: i64,
}

#[derive(FromPyObject)]
struct ColumnGiven {
    takes: String,
    name: String,
    element: u32,
    length: u32,
    position: usize,
    start: usize,
    edges: Option<Vec<f64>>,
    categories: Vec<String>,
    hashes: Vec<u64>,
    known: Vec<u64>,
    open_vocabulary: bool,
    shown: String,
}

/// Read, summed, late, rejected (offset and number of the reason), newly refused, newest and first event time.
type TallyTold = (u64, u64, u64, Vec<(i64, u8)>, Vec<i64>, Option<i64>, Option<i64>);

/// Model, version, window start, reference id, summary id, first and last offset, events, sums, newest event time,
/// and the unseen texts: position of the column, hash, text, events.
type PartTold = (String, String, i64, String, String, i64, i64, u64, Py<PyBytes>, i64, Vec<(usize, u64, String, u64)>);

#[pyclass(frozen, module = "driftd._kernel")]
struct Columns {
    columns: Arc<columns::Columns>,
}

#[pymethods]
impl Columns {
    #[new]
    fn new(columns: Vec<ColumnGiven>, size: usize, predicted: Option<&str>) -> PyResult<Self> {
        let columns = columns.into_iter().map(column_of).collect::<PyResult<_>>()?;
        let predicted = match predicted {
            None => None,
            Some("numeric") => Some(Predicted::Number),
            Some("categorical") => Some(Predicted::Class),
            Some(other) => return Err(unknown("kind", other)),
        };
        Ok(Columns { columns: Arc::new(columns::Columns::new(columns, size, predicted)) })
    }
}

fn column_of(given: ColumnGiven) -> PyResult<Column> {
    let takes = match given.takes.as_str() {
        "feature" => Takes::Feature(given.name),
        "element" if given.element < given.length => {
            Takes::Element { feature: given.name, index: given.element, length: given.length }
        }
        "prediction" => Takes::Prediction,
        "class" => Takes::Class(given.name),
        "label" => Takes::Label,
        "error" => Takes::Error,
        other => return Err(unknown("value", other)),
    };
    let shown = match given.shown.as_str() {
        "show" => Shown::Show,
        "hash" => Shown::Hash,
        "hide" => Shown::Hide,
        other => return Err(unknown("privacy", other)),
    };
    let kind = match given.edges {
        Some(edges) => Kind::Numeric(Edges::new(&edges)),
        None => Kind::categorical(&given.categories, &given.hashes, &given.known, given.open_vocabulary, shown),
    };
    Ok(Column { takes, position: given.position, start: given.start, kind })
}

fn unknown(what: &str, given: &str) -> PyErr {
    PyValueError::new_err(format!("no such {what}: {given:?}"))
}

#[pyclass(module = "driftd._kernel")]
struct Kernel {
    summariser: Summariser,
}

#[pymethods]
impl Kernel {
    #[new]
    fn new(places: PlacesGiven, bounds: BoundsGiven) -> PyResult<Self> {
        if bounds.duration_ms < 1 {
            return Err(PyValueError::new_err("a window lasts 1 ms at least"));
        }
        let place = |given| match given {
            PlaceGiven::Constant(name) => Place::Constant(name),
            PlaceGiven::Path(path) => Place::Path(path),
        };
        let places = Places {
            model: place(places.model),
            version: place(places.version),
            timestamp: places.timestamp,
            features: places.features,
            prediction: places.prediction,
            label: places.label,
        };
        let limits = Limits { event_bytes: bounds.event_bytes, name_length: bounds.name_length };
        let rule =
            WindowRule { duration_ms: bounds.duration_ms, lateness_ms: bounds.lateness_ms, skew_ms: bounds.skew_ms };
        Ok(Kernel { summariser: Summariser::new(places, limits, rule, bounds.monitors) })
    }

    #[expect(clippy::too_many_arguments, reason = "a batch and the cursor before it, field by field")]
    fn add(
        &mut self,
        py: Python,
        offsets: &Bound<PyAny>,
        values: &Bound<PyAny>,
        timestamps_ms: &Bound<PyAny>,
        clock_ms: Option<i64>,
        counted_from: i64,
        watermark_ms: Option<i64>,
        refused: Vec<(i64, i64)>,
        find: Py<PyAny>,
    ) -> PyResult<TallyTold> {
        let offsets = integers(offsets)?;
        let timestamps_ms = integers(timestamps_ms)?;
        let values: Vec<Option<PyBackedBytes>> = values.extract()?;
        if values.len() != offsets.len() || !(timestamps_ms.is_empty() || timestamps_ms.len() == offsets.len()) {
            return Err(PyValueError::new_err("every record has an offset, a value and a timestamp"));
        }
        let cursor = Cursor { counted_from, watermark_ms, refused };
        let records = Records { offsets: &offsets, values: &values, timestamps_ms: &timestamps_ms, clock_ms };
        let tally = py.detach(|| self.summariser.add(&records, &cursor, &mut Asked { find }))?;
        Ok(told(tally))
    }

    fn touched(&mut self, py: Python) -> Vec<PartTold> {
        self.summariser.touched().into_iter().map(|part| part_told(part, py)).collect()
    }

    fn open_parts(&mut self, py: Python) -> Vec<PartTold> {
        self.summariser.open_parts().into_iter().map(|part| part_told(part, py)).collect()
    }

    fn passed(&mut self, watermark_ms: i64, py: Python) -> Vec<PartTold> {
        self.summariser.passed(watermark_ms).into_iter().map(|part| part_told(part, py)).collect()
    }

    fn least_first_offset(&self) -> Option<i64> {
        self.summariser.least_first_offset()
    }
}

/// Asks Python what is in force.
struct Asked {
    find: Py<PyAny>,
}

impl References for Asked {
    type Failure = PyErr;

    fn find(&mut self, model: &str, version: &str, start_ms: i64) -> PyResult<Option<InForce>> {
        Python::attach(|py| {
            let found = self.find.bind(py).call1((model, version, start_ms))?;
            let Some((columns, borrowed, reference_id, summary_id)) =
                found.extract::<Option<(Bound<Columns>, bool, String, String)>>()?
            else {
                return Ok(None);
            };
            let columns = Arc::clone(&columns.get().columns);
            Ok(Some(InForce { reference: Reference { columns, reference_id, summary_id }, borrowed }))
        })
    }
}

/// Read integers: a range's without looking at each.
fn integers(given: &Bound<PyAny>) -> PyResult<Vec<i64>> {
    if given.is_instance_of::<PyRange>() {
        let bound = |name| given.getattr(name)?.extract::<i64>();
        let (start, stop, step) = (bound("start")?, bound("stop")?, bound("step")?);
        if step == 1 {
            return Ok((start..stop).collect());
        }
    }
    match given.cast::<PyList>() {
        Ok(list) => list.iter().map(|item| item.extract()).collect(),
        Err(_) => given.extract(),
    }
}

fn told(tally: Tally) -> TallyTold {
    let rejected = tally.rejected.into_iter().map(|(offset, reason)| (offset, reason as u8)).collect();
    (tally.read, tally.summed, tally.late, rejected, tally.newly_refused, tally.newest_ms, tally.first_ms)
}

fn part_told(part: monitor::Part, py: Python) -> PartTold {
    let (model, version) = names(&part.name);
    (
        model.to_owned(),
        version.to_owned(),
        part.start_ms,
        part.plan.reference.reference_id.clone(),
        part.plan.reference.summary_id.clone(),
        part.first_offset,
        part.last_offset,
        part.events,
        PyBytes::new(py, &part.sums).unbind(),
        part.newest_ms,
        part.unseen,
    )
}
