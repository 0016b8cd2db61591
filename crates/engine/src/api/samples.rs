//! Builds, lists, checks and drops samples.

use super::session::Session;
use super::views::refuse_unwatched_view;
use crate::answer::{Answer, Error, Result, listing, with_tables};
use crate::environment::{memory_content, sql_name};
use crate::joins::{DeclaredJoin, declared_join, fetch_columns};
use crate::planning::{analysed, case};
use crate::runtime::may_be_of_files;
use datafusion::execution::SessionState;
use futures::FutureExt;
use plusminus_catalog::{Manifest, SampleSize};
use plusminus_dialect::{CreateSample, Design, SampleSize as SizeClause};
use plusminus_files::{FileTable, find_fault};
use plusminus_plan::{is_joined_column, is_matched_column, shown_column};
use plusminus_sampling::{DrawOptions, SampleRequest, Source, draw, skewed_measures};
use std::sync::Arc;
use tracing::Instrument;

/// Rows per stratum of a stratified sample without CAP and SIZE.
const DEFAULT_CAP: u64 = 10_000;
/// Percent of the table in a uniform sample without SIZE.
const DEFAULT_PERCENT: f64 = 1.0;
/// Columns for which a build suggests TAIL.
const SUGGESTIONS_MAX: usize = 3;

/// A sample to be built; several on one table are drawn in one pass with [`Session::build_samples`].
#[derive(Debug, Clone)]
pub struct SampleBuilder {
    session: Session,
    pub(crate) table: String,
    /// The text of a join, of which `table` is empty.
    join: Option<String>,
    name: Option<String>,
    stratified_by: Vec<String>,
    universe: Option<String>,
    size: Option<SampleSize>,
    tail: Vec<String>,
    levels: Option<u32>,
    seed: Option<u64>,
    replace: bool,
}

impl SampleBuilder {
    pub(crate) fn new(session: Session, table: String) -> Self {
        Self {
            session,
            table,
            join: None,
            name: None,
            stratified_by: Vec::new(),
            universe: None,
            size: None,
            tail: Vec::new(),
            levels: None,
            seed: None,
            replace: false,
        }
    }

    /// A sample of a join such as `sales JOIN customers ON customer = id`: of the table whose rows have at most one partner in each other
    /// one. Columns of all tables may stratify it, and all are stored with it.
    pub(crate) fn of_join(session: Session, join: String) -> Self {
        Self { join: Some(join), ..Self::new(session, String::new()) }
    }

    /// Sets the sample's name; the default is made of the table's and the columns' names.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Stratifies by these columns: every combination of their values is represented.
    #[must_use]
    pub fn stratified_by<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.stratified_by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Draws whole keys: for each value of this column all rows are kept or none, so that its distinct values can be counted.
    #[must_use]
    pub fn universe_on(mut self, column: impl Into<String>) -> Self {
        self.universe = Some(column.into());
        self
    }

    /// Keeps at most this many rows of each stratum.
    #[must_use]
    pub fn cap(mut self, rows: u64) -> Self {
        self.size = Some(SampleSize::Cap(rows));
        self
    }

    /// Keeps about this many rows in all.
    #[must_use]
    pub fn size_rows(mut self, rows: u64) -> Self {
        self.size = Some(SampleSize::Rows(rows));
        self
    }

    /// Keeps about this percentage of the table's rows.
    #[must_use]
    pub fn size_percent(mut self, percent: f64) -> Self {
        self.size = Some(SampleSize::Percent(percent));
        self
    }

    /// Keeps all rows with the largest values of these columns, in a tenth of the sample's rows.
    #[must_use]
    pub fn tail<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.tail = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the number of nested levels.
    #[must_use]
    pub fn levels(mut self, levels: u32) -> Self {
        self.levels = Some(levels);
        self
    }

    /// Sets the seed of the random choice.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Lets the sample replace one with the same name.
    #[must_use]
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// Reads the table once, draws the sample and publishes it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for names that do not exist, [`Error::Catalog`] when the name is taken, and errors of reading and writing.
    pub async fn build(self) -> Result<Manifest> {
        let session = self.session.clone();
        let built = session.build_samples(vec![self]).await?;
        built.into_iter().next().ok_or_else(|| Error::data("the build returned nothing"))
    }

    /// The columns that the sample is designed by, as they are written.
    fn written_columns(&self) -> Vec<String> {
        self.stratified_by.iter().chain(&self.universe).chain(&self.tail).cloned().collect()
    }

    /// Replaces the names of columns of a join by those that samples of the table have for them.
    fn renamed(&mut self, join: &DeclaredJoin) -> Result<()> {
        self.stratified_by = join.strata(&self.stratified_by)?;
        self.tail = join.columns(&self.tail)?;
        if let Some(column) = &self.universe {
            self.universe = join.columns(std::slice::from_ref(column))?.pop();
        }
        let whole = self.universe.iter().chain(&self.tail).find(|name| is_joined_column(name));
        match whole {
            None => Ok(()),
            Some(name) => Err(Error::unsupported(
                format!(
                    "TAIL and UNIVERSE ON take columns of the sampled table, and {} is of another one",
                    shown_column(name)
                ),
                "STRATIFIED BY takes columns of any table of the join",
            )),
        }
    }

    fn request(&self, table_key: &str, default_seed: u64, families: &[Arc<Manifest>]) -> Result<SampleRequest> {
        if let Some(SampleSize::Percent(p)) = self.size
            && !(p > 0.0 && p <= 100.0)
        {
            return Err(Error::invalid(
                format!("SIZE {p} % is not a share of the table"),
                "a percentage above 0, up to 100",
            ));
        }
        if let Some(SampleSize::Cap(0) | SampleSize::Rows(0)) = self.size {
            return Err(Error::invalid("a sample of 0 rows holds nothing", "CAP or SIZE of at least 1"));
        }
        let default = match self.stratified_by.is_empty() {
            true => SampleSize::Percent(DEFAULT_PERCENT),
            false => SampleSize::Cap(DEFAULT_CAP),
        };
        Ok(SampleRequest {
            name: self.free_name(table_key, families)?,
            stratified_by: self.stratified_by.clone(),
            universe: self.universe.clone(),
            size: self.size.unwrap_or(default),
            tail: self.tail.clone(),
            levels: self.levels,
            seed: self.seed.unwrap_or(default_seed),
            replace: self.replace,
        })
    }

    /// The given name, or a default that no other table's sample has.
    fn free_name(&self, table: &str, families: &[Arc<Manifest>]) -> Result<String> {
        let other = |name: &str| families.iter().find(|m| m.name == name && m.design.table != table);
        if let Some(name) = &self.name {
            return match other(name).filter(|_| self.replace) {
                Some(taken) => Err(Error::invalid(
                    format!("sample '{name}' is of another table, {}", taken.design.table),
                    format!("another name, or DROP SAMPLE {name} first"),
                )),
                None => Ok(name.clone()),
            };
        }
        let depth = table.split('/').filter(|part| !part.is_empty()).count();
        let names = (1..=depth.max(1)).map(|parts| self.default_name(table, parts));
        let numbered = (2..).map(|number| format!("{}_{number}", self.default_name(table, 1)));
        let free = names.chain(numbered).find(|name| other(name).is_none());
        free.ok_or_else(|| Error::data("no name is free"))
    }

    /// A default name such as `flights_by_origin` or `flights_uniform`; a path contributes its last `parts`, without the file extension.
    fn default_name(&self, table: &str, parts: usize) -> String {
        let mut last: Vec<&str> = table.rsplit('/').filter(|part| !part.is_empty()).take(parts).collect();
        if let Some(file) = last.first_mut() {
            *file = file.split('.').next().unwrap_or(file);
        }
        last.reverse();
        let stem = if last.is_empty() { table.to_owned() } else { last.join("_") };
        let name = match (&self.universe, self.stratified_by.is_empty()) {
            (Some(column), _) => format!("{stem}_universe_{column}"),
            (None, true) => format!("{stem}_uniform"),
            (None, false) => {
                let names = self.stratified_by.iter().filter(|name| !is_matched_column(name));
                let names: Vec<&str> = names.map(|name| shown_column(name)).collect();
                format!("{stem}_by_{}", names.join("_"))
            }
        };
        name.chars().map(|c| if c.is_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).take(128).collect()
    }
}

impl Session {
    /// Builds several samples of one table in one pass over it.
    ///
    /// # Errors
    /// See [`SampleBuilder::build`]; also when the builders name different tables.
    pub async fn build_samples(&self, builders: Vec<SampleBuilder>) -> Result<Vec<Manifest>> {
        self.draw_in_one_pass(builders).boxed().await
    }

    async fn draw_in_one_pass(&self, mut builders: Vec<SampleBuilder>) -> Result<Vec<Manifest>> {
        let Some(first) = builders.first() else { return Ok(Vec::new()) };
        if builders.iter().any(|b| b.table != first.table || b.join != first.join) {
            return Err(Error::invalid("samples built in one pass are of one table", "one call per table"));
        }
        let state = self.env.context.state();
        let join = self.join_of(first, &state).await?;
        let (provider, key) = match &join {
            Some(join) => (Arc::clone(&join.table), join.key.clone()),
            None => self.env.table(&first.table).await?,
        };
        refuse_unwatched_view(&key, &provider, &state).await?;
        let families = self.env.families()?;
        if let Some(join) = &join {
            builders.iter_mut().try_for_each(|builder| builder.renamed(join))?;
        }
        let requests =
            builders.iter().map(|b| b.request(&key, self.env.seed, &families)).collect::<Result<Vec<_>>>()?;
        let content = memory_content(&provider);
        let mut source = Source::open(&provider, &state).await?;
        if let Some(join) = &join {
            let written: Vec<String> = builders.iter().flat_map(SampleBuilder::written_columns).collect();
            if let Some(extension) = join.extension(&self.env, &written, &state).await? {
                source = source.extended(extension);
            }
        }
        let options = DrawOptions {
            threads: self.env.threads,
            memory_bytes: self.env.memory_bytes,
            now_unix_ms: self.env.clock.unix_ms(),
            progress: std::sync::Arc::clone(&self.env.progress),
        };
        let span = tracing::info_span!("build", table = key, samples = requests.len());
        let drawn = draw(source, &key, &requests, &self.env.store, &state, &options).instrument(span).await;
        let built = match drawn.map_err(Error::from) {
            Err(error) if may_be_of_files(&error) => {
                let fault = match FileTable::of(&provider) {
                    Some(files) => find_fault(files, &state).await.map(Error::from),
                    None => None,
                };
                return Err(fault.unwrap_or(error));
            }
            drawn => drawn?,
        };
        self.keep_table(&key)?;
        {
            let mut sampled = self.env.sampled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let known =
                |m: &Manifest| ((m.name.clone(), m.generation), (std::sync::Arc::downgrade(&provider), content));
            sampled.extend(built.iter().map(known));
        }
        if let Some(join) = &join {
            join.tables(&self.env).iter().try_for_each(|table| self.keep_table(table))?;
            for manifest in &built {
                fetch_columns(&self.env, join.joins(), &Arc::new(manifest.clone()), manifest.levels.len(), &state)
                    .await?;
            }
        }
        Ok(built)
    }

    /// The join that a sample is of: one that is written as such, or a view that is nothing but one.
    async fn join_of(&self, builder: &SampleBuilder, state: &SessionState) -> Result<Option<DeclaredJoin>> {
        let planned = |sql: String| async move {
            let statement = case::parsed(state, &sql)?;
            analysed(state, case::plan(state, &sql, statement).await?)
        };
        if let Some(join) = &builder.join {
            let plan =
                planned(format!("SELECT * FROM {join}")).await.map_err(|e| with_tables(&e, &self.env.table_names()))?;
            return declared_join(&self.env, &plan, state).await.map(Some);
        }
        let (provider, _) = self.env.table(&builder.table).await?;
        if provider.get_logical_plan().is_none() {
            return Ok(None);
        }
        // Any other view is sampled as it is.
        let plan = planned(format!("SELECT * FROM {}", sql_name(&builder.table))).await;
        let Ok(plan) = plan else { return Ok(None) };
        let join = declared_join(&self.env, &plan, state).await.ok();
        // Whole keys and tails of other tables' columns are drawn from the view's own rows.
        let takes = |join: &DeclaredJoin| {
            let whole: Vec<String> = builder.universe.iter().chain(&builder.tail).cloned().collect();
            join.has_joins() && join.columns(&whole).is_ok_and(|names| !names.iter().any(|name| is_joined_column(name)))
        };
        Ok(join.filter(takes))
    }

    /// Runs CREATE SAMPLE.
    pub(crate) async fn create_sample(&self, statement: &CreateSample) -> Result<Answer> {
        let options = &statement.options;
        let relation = relation(&statement.relation);
        if statement.if_not_exists && self.env.families()?.iter().any(|m| m.name == statement.name) {
            return Ok(listing::message(&format!("sample '{}' exists already", statement.name)));
        }
        let builder = match relation {
            Relation::Table(name) => self.sample(name),
            Relation::Join(text) => SampleBuilder::of_join(self.clone(), text),
        };
        let builder = builder.name(&statement.name);
        let builder = match &options.design {
            Design::Uniform => builder,
            Design::Stratified(columns) => builder.stratified_by(columns.clone()),
            Design::Universe(column) => builder.universe_on(column),
        };
        let mut builder = builder.tail(options.tail.clone()).replace(statement.or_replace);
        builder.size = options.size.map(|size| match size {
            SizeClause::Cap(rows) => SampleSize::Cap(rows),
            SizeClause::Rows(rows) => SampleSize::Rows(rows),
            SizeClause::Percent(percent) => SampleSize::Percent(percent),
        });
        builder.levels = options.levels;
        builder.seed = options.seed;
        let manifest = builder.build().await?;
        let suggestions = Self::notes_of(&manifest);
        let mut answer = self.show_samples(&[Arc::new(manifest)]).await?;
        answer.report.warnings.extend(suggestions);
        Ok(answer)
    }
}

impl Session {
    /// Notes on a finished build, one sentence each: columns that were left out, and columns for which TAIL would help.
    #[must_use]
    pub fn notes_of(manifest: &Manifest) -> Vec<String> {
        left_out(manifest).into_iter().chain(tail_suggestions(manifest)).collect()
    }
}

/// A sentence on the columns that were left out.
fn left_out(manifest: &Manifest) -> Option<String> {
    let names = &manifest.base.left_out;
    let text = || {
        format!(
            "left out, since no sample can store their type: {} (queries that name them run exactly)",
            names.join(", ")
        )
    };
    (!names.is_empty()).then(text)
}

/// A sentence for each column for which TAIL would help.
fn tail_suggestions(manifest: &Manifest) -> Vec<String> {
    let skewed = skewed_measures(manifest).into_iter().take(SUGGESTIONS_MAX);
    let line = |(column, skewness)| {
        format!(
            "values of {column} are very skewed ({skewness:.1}): TAIL ({column}) keeps the largest ones whole and \
             narrows SUM and AVG"
        )
    };
    skewed.map(line).collect()
}

/// A sample is drawn of a table, or of a join.
enum Relation {
    Table(String),
    /// The text of a join, or of a subquery.
    Join(String),
}

/// Parses the text after ON: a name, a path in quotes, or a join.
fn relation(text: &str) -> Relation {
    let text = text.trim();
    let quoted =
        |quote: char| text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)).filter(|t| !t.contains(quote));
    if let Some(name) = quoted('\'').or_else(|| quoted('"')) {
        return Relation::Table(name.to_owned());
    }
    if text.contains(char::is_whitespace) || text.contains([',', '(']) {
        return Relation::Join(text.to_owned());
    }
    Relation::Table(text.to_lowercase())
}
