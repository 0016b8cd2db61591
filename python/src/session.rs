//! Sessions: a store with its tables and samples.

use crate::answer::{Answer, Levels};
use crate::error::{SqlError, raised};
use crate::values::parameter;
use crate::wait::wait;
use datafusion::datasource::MemTable;
use futures::StreamExt;
use plusminus::{Interrupt, OnMiss, Parameter, Query, SessionBuilder};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3_arrow::input::AnyRecordBatch;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A store with tables and samples, and the settings of one user.
#[pyclass(frozen, module = "plusminus._native")]
pub(crate) struct Session {
    session: plusminus::Session,
    interrupts: Interrupts,
    /// The process that opened it; another one has none of its threads.
    process: u32,
}

/// The interrupts of running statements.
#[derive(Default)]
struct Interrupts(Mutex<Vec<(u64, Interrupt)>>, AtomicU64);

/// The interrupt of one statement, and its number.
struct Running(u64, Interrupt);

impl Interrupts {
    fn begin(&self) -> Running {
        let running = Running(self.1.fetch_add(1, Ordering::Relaxed), Interrupt::new());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((running.0, running.1.clone()));
        running
    }

    fn end(&self, running: &Running) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != running.0);
    }

    fn request(&self) {
        for (_, interrupt) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            interrupt.request();
        }
    }
}

/// Tables that exist for one call.
struct Frames {
    session: plusminus::Session,
    names: Vec<String>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        for name in &self.names {
            // It is registered; another statement cannot know its name.
            let _ = self.session.context().deregister_table(name.as_str());
        }
    }
}

/// Bounds and parameters of one query, as Python states them.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Wishes<'py> {
    within_seconds: Option<f64>,
    error_percent: Option<f64>,
    error_absolute: Option<f64>,
    confidence_percent: Option<f64>,
    on_miss: Option<String>,
    for_all_groups: bool,
    /// Names, or None for those by place, and values.
    parameters: Vec<(Option<String>, Bound<'py, PyAny>)>,
}

impl Wishes<'_> {
    fn bound(&self, mut query: Query) -> PyResult<Query> {
        if let Some(seconds) = self.within_seconds {
            let time = Duration::try_from_secs_f64(seconds);
            query = query.within(
                time.map_err(|_| SqlError::new_err(format!("within={seconds} is no time\nTry: within='300ms'")))?,
            );
        }
        if let Some(percent) = self.error_percent {
            query = query.error_percent(percent);
        }
        if let Some(distance) = self.error_absolute {
            query = query.error_absolute(distance);
        }
        if let Some(percent) = self.confidence_percent {
            query = query.confidence_percent(percent);
        }
        if self.for_all_groups {
            query = query.for_all_groups();
        }
        match self.on_miss.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => Ok(query),
            Some("report") => Ok(query.on_miss(OnMiss::Report)),
            Some("exact") => Ok(query.on_miss(OnMiss::Exact)),
            Some("repair") => Ok(query.on_miss(OnMiss::Repair)),
            Some("omit") => Ok(query.on_miss(OnMiss::Omit)),
            Some("fail") => Ok(query.on_miss(OnMiss::Fail)),
            Some(other) => Err(SqlError::new_err(format!(
                "on_miss={other:?} is no choice\nTry: repair, exact, report, omit or fail"
            ))),
        }
    }

    fn parameters(&self) -> PyResult<Vec<Parameter>> {
        let one = |(name, value): &(Option<String>, Bound<'_, PyAny>)| {
            let value = parameter(value)?;
            Ok(match name {
                Some(name) => (name.as_str(), value).into(),
                None => value,
            })
        };
        self.parameters.iter().map(one).collect()
    }
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (store, threads = None, memory_bytes = None, seed = None))]
    fn new(
        py: Python<'_>,
        store: PathBuf,
        threads: Option<usize>,
        memory_bytes: Option<u64>,
        seed: Option<u64>,
    ) -> PyResult<Self> {
        let mut builder = SessionBuilder::new(store).seed(seed.unwrap_or(0));
        if let Some(threads) = threads {
            builder = builder.threads(threads);
        }
        if let Some(bytes) = memory_bytes {
            builder = builder.memory_bytes(bytes);
        }
        let session = wait(py, builder.open())?.map_err(|e| raised(py, e))?;
        Ok(Self { session, interrupts: Interrupts::default(), process: std::process::id() })
    }

    /// Runs the statements of a script and returns the last answer; bounds and parameters are for the last statement.
    fn sql(
        &self,
        py: Python<'_>,
        sql: &str,
        wishes: Wishes<'_>,
        frames: Vec<(String, AnyRecordBatch)>,
    ) -> PyResult<Answer> {
        let (sql, frames) = self.with_frames(py, sql, frames)?;
        let query = self.last_query(py, &sql, &wishes)?;
        let interrupt = self.interrupts.begin();
        let done = wait(py, query.interruptible(&interrupt.1).run());
        self.interrupts.end(&interrupt);
        drop(frames);
        Ok(Answer::new(done?.map_err(|e| raised(py, e))?))
    }

    /// Runs a query and returns the answer of each level as it is finished.
    fn stream(
        &self,
        py: Python<'_>,
        sql: &str,
        wishes: Wishes<'_>,
        frames: Vec<(String, AnyRecordBatch)>,
    ) -> PyResult<Levels> {
        let (sql, frames) = self.with_frames(py, sql, frames)?;
        let query = self.last_query(py, &sql, &wishes)?;
        let stream = wait(py, query.stream())?.map_err(|e| raised(py, e))?;
        // The frames are tables as long as the stream is there.
        Ok(Levels::new(stream.map(move |level| (level, &frames).0).boxed()))
    }

    /// Asks running statements for their best answers so far.
    fn interrupt(&self) {
        self.interrupts.request();
    }

    /// Makes a file, folder or glob a table.
    fn register_path(&self, py: Python<'_>, name: String, path: String) -> PyResult<()> {
        let session = self.session.clone();
        wait(py, async move { session.register(&name, &path).await })?.map_err(|e| raised(py, e))
    }

    /// Makes an object with the Arrow PyCapsule interface a table, in the place of one of that name.
    fn register_arrow(&self, py: Python<'_>, name: &str, data: AnyRecordBatch) -> PyResult<()> {
        let (batches, schema) = data.into_table()?.into_inner();
        let failed = |e: datafusion::error::DataFusionError| raised(py, e.into());
        // Not nullable is a promise that such objects often make without keeping it.
        let table = MemTable::try_new(schema, vec![batches]).map_err(failed)?;
        let context = self.session.context();
        context.deregister_table(name).map_err(failed)?;
        context.register_table(name, Arc::new(table)).map_err(failed)?;
        Ok(())
    }

    /// The names of the tables.
    fn tables(&self) -> Vec<String> {
        self.session.table_names()
    }

    /// Names in FROM that are neither tables nor files.
    fn unknown_tables(&self, py: Python<'_>, sql: String) -> PyResult<Vec<String>> {
        let session = self.session.clone();
        wait(py, async move { session.unknown_tables(&sql).await })
    }

    /// The store's folder.
    fn store(&self) -> PathBuf {
        self.session.store_folder().to_path_buf()
    }
}

impl Session {
    /// The script with hidden tables in the place of data frames, which exist as long as the second value.
    fn with_frames(
        &self,
        py: Python<'_>,
        sql: &str,
        frames: Vec<(String, AnyRecordBatch)>,
    ) -> PyResult<(String, Frames)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if self.process != std::process::id() {
            let next = "plusminus.connect(…) in the new process";
            return Err(PyRuntimeError::new_err(format!(
                "this session belongs to the process that was forked\nTry: {next}"
            )));
        }
        let mut own = Frames { session: self.session.clone(), names: Vec::new() };
        let mut names = Vec::new();
        for (name, data) in frames {
            let hidden = format!("__frame_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
            self.register_arrow(py, &hidden, data)?;
            own.names.push(hidden.clone());
            names.push((name, hidden));
        }
        let sql = match names.is_empty() {
            true => sql.to_owned(),
            false => self.session.with_tables_renamed(sql, &names).map_err(|e| raised(py, e))?,
        };
        Ok((sql, own))
    }

    /// Runs all statements but the last one, and returns the last one with its bounds.
    fn last_query(&self, py: Python<'_>, sql: &str, wishes: &Wishes<'_>) -> PyResult<Query> {
        let parameters = wishes.parameters()?;
        let mut statements = self.session.parse(sql).map_err(|e| raised(py, e))?;
        let text = match statements.len() {
            // A text of one statement is given as it is, so that places in errors are right.
            0 | 1 => sql.to_owned(),
            _ => statements.pop().map(|statement| statement.text).unwrap_or_default(),
        };
        if !statements.is_empty() && text.len() != sql.len() {
            let (session, parameters) = (self.session.clone(), parameters.clone());
            let done = wait(py, async move {
                for statement in &statements {
                    session.query(statement.text.clone()).parameters(parameters.clone()).run().await?;
                }
                Ok(())
            })?;
            done.map_err(|e| raised(py, e))?;
        }
        wishes.bound(self.session.query(text).parameters(parameters))
    }
}
