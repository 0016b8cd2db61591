//! Names that statements may use: tables, their columns, samples and functions.

use super::kept_tables::is_kept;
use super::session::Session;
use crate::answer::{Answer, Error, Result, listing, sql_type};
use crate::planning::spellings::function_names;
use arrow::array::{ArrayRef, StringArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::{MemTable, TableType};
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Statement as Sql, TableFactor, Visit, Visitor};
use plusminus_dialect::StatementKind;
use plusminus_files::{FileTable, is_path};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Names for completion, each list sorted.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Tables and views, each with its columns.
    pub tables: Vec<(String, Vec<String>)>,
    /// Samples in the store.
    pub samples: Vec<String>,
    /// Functions that may be called.
    pub functions: Vec<String>,
}

impl Session {
    /// The names that a statement may use at present.
    pub async fn names(&self) -> Names {
        let mut tables = Vec::new();
        for name in self.table_names() {
            let Ok(table) = self.env.context.table_provider(name.as_str()).await else { continue };
            let columns = table.schema().fields().iter().map(|field| field.name().clone()).collect();
            tables.push((name, columns));
        }
        let manifests = self.env.families().unwrap_or_default();
        let samples = manifests.iter().map(|manifest| manifest.name.clone()).collect();
        let state = self.env.context.state_ref();
        let state = state.read();
        let functions = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
        let mut functions: Vec<String> = functions.chain(state.window_functions().keys()).cloned().collect();
        functions.extend(function_names().map(str::to_owned));
        functions.sort();
        functions.dedup();
        Names { tables, samples, functions }
    }

    /// Names after FROM in a script that are neither tables nor files, each once and in lower case unless it is quoted. Empty for a text that
    /// cannot be parsed.
    pub async fn unknown_tables(&self, script: &str) -> Vec<String> {
        let mut unknown: Vec<String> = Vec::new();
        for source in self.sources(script) {
            let is_known = |name: &str| self.env.is_named_table(&TableReference::bare(name));
            for found in source.tables {
                let is_file = std::path::Path::new(&found.name).exists() || is_path(&found.name);
                if !is_file && !is_known(&found.name) && !unknown.contains(&found.name) {
                    unknown.push(found.name);
                }
            }
        }
        unknown
    }

    /// A script that reads other tables in the place of some: `names` has names after FROM, as [`Self::unknown_tables`] returns them, and
    /// the tables that are meant. What refers to a name in a query still does so.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a view, which would outlive the tables.
    pub fn with_tables_renamed(&self, script: &str, names: &[(String, String)]) -> Result<String> {
        let mut changes: Vec<(usize, usize, String)> = Vec::new();
        for source in self.sources(script) {
            for found in source.tables {
                let Some((_, table)) = names.iter().find(|(name, _)| *name == found.name) else { continue };
                if source.is_view {
                    return Err(Error::unsupported(
                        format!("a view over '{}' would outlive it", found.name),
                        "a table that is registered, or CREATE TABLE",
                    ));
                }
                let alias = match found.has_alias {
                    true => String::new(),
                    false => format!(" AS \"{}\"", found.name.replace('"', "\"\"")),
                };
                let start = source.start + found.start;
                changes.push((start, start + found.length, format!("\"{table}\"{alias}")));
            }
        }
        changes.sort_unstable();
        let (mut renamed, mut copied) = (String::with_capacity(script.len()), 0);
        for (start, end, text) in changes {
            renamed.push_str(&script[copied..start]);
            renamed.push_str(&text);
            copied = end;
        }
        renamed.push_str(&script[copied..]);
        Ok(renamed)
    }

    /// The tables that the statements of a script read.
    fn sources(&self, script: &str) -> Vec<Source> {
        let state = self.env.context.state();
        let mut sources = Vec::new();
        for statement in self.parse(script).unwrap_or_default() {
            let (text, start, before) = match &statement.kind {
                StatementKind::Sql(sql) => {
                    // A leading FROM needs a SELECT to be parsed with its clauses.
                    let is_bare = sql.query().get(..4).is_some_and(|word| word.eq_ignore_ascii_case("from"));
                    let select = if is_bare { "SELECT * " } else { "" };
                    (format!("{select}{}", sql.query()), sql.query_start().offset, select.len())
                }
                StatementKind::Summarize { source, .. } => {
                    let Some(at) = statement.text.find(source.as_str()) else { continue };
                    (format!("{SELECT}{source}"), statement.start.offset + at, SELECT.len())
                }
                StatementKind::CreateSample(create) => {
                    (format!("{SELECT}{}", create.relation), create.relation_start.offset, SELECT.len())
                }
                _ => continue,
            };
            if let Some(mut source) = Source::of(&state, &text) {
                source.start = start;
                source.tables.iter_mut().for_each(|table| table.start = table.start.saturating_sub(before));
                sources.push(source);
            }
        }
        sources
    }

    /// Lists the tables: kind, rows where they are known without reading the table, columns, and samples.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list_tables(&self) -> Result<Answer> {
        let manifests = self.env.families()?;
        let state = self.env.context.state();
        let (mut names, mut kinds, mut rows, mut columns, mut samples) = (vec![], vec![], vec![], vec![], vec![]);
        // The shell's last answer is no table that anybody made.
        for name in self.table_names().into_iter().filter(|name| name != "_") {
            let Ok(table) = self.env.context.table_provider(name.as_str()).await else { continue };
            let file = FileTable::of(&table);
            let own = manifests.iter().filter(|manifest| manifest.design.table == name);
            let own: Vec<&str> = own.map(|manifest| manifest.name.as_str()).collect();
            rows.push(match file {
                Some(file) => file.about_rows(&state).await,
                None => memory_rows(&table).await,
            });
            kinds.push(match (file.is_some(), table.table_type()) {
                (_, TableType::View) => "view",
                (true, _) if file.is_some_and(|file| is_kept(self, file)) => "table",
                (true, _) => "files",
                (false, _) => "memory",
            });
            columns.push(table.schema().fields().len() as u64);
            samples.push(own.join(", "));
            names.push(name);
        }
        let text = |texts: &[String]| -> ArrayRef { Arc::new(StringArray::from_iter_values(texts)) };
        listing::values(
            vec![
                ("table", text(&names)),
                ("kind", Arc::new(StringArray::from_iter_values(kinds))),
                ("rows", Arc::new(UInt64Array::from(rows))),
                ("columns", Arc::new(UInt64Array::from(columns))),
                ("samples", text(&samples)),
            ],
            "tables",
        )
    }
}

const SELECT: &str = "SELECT * FROM ";

/// The tables that a statement reads.
struct Source {
    /// Bytes of the script before the statement's text.
    start: usize,
    is_view: bool,
    tables: Vec<SourceTable>,
}

/// A plain name after FROM.
struct SourceTable {
    name: String,
    /// Its place in the statement's text, in bytes.
    start: usize,
    length: usize,
    has_alias: bool,
}

impl Source {
    fn of(state: &SessionState, text: &str) -> Option<Self> {
        // As it is written, so that places are right.
        let dialect = state.config_options().sql_parser.dialect;
        let Ok(Parsed::Statement(statement)) = state.sql_to_statement(text, &dialect) else { return None };
        let known = state.resolve_table_references(&Parsed::Statement(statement.clone())).ok()?;
        let mut found = FoundTables { text, known, tables: Vec::new() };
        let _ = match statement.as_ref() {
            // The table that is created, or written to, is no source.
            Sql::CreateTable(table) => table.query.visit(&mut found),
            Sql::CreateView(view) => view.query.visit(&mut found),
            Sql::Insert(insert) => insert.source.visit(&mut found),
            Sql::Query(query) => query.visit(&mut found),
            Sql::ExplainTable { table_name, .. } => {
                found.add(table_name, false);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        };
        Some(Self { start: 0, is_view: matches!(*statement, Sql::CreateView(_)), tables: found.tables })
    }
}

struct FoundTables<'a> {
    text: &'a str,
    /// Tables that the statement refers to; a CTE is none.
    known: Vec<TableReference>,
    tables: Vec<SourceTable>,
}

impl FoundTables<'_> {
    fn add(&mut self, name: &ObjectName, has_alias: bool) {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return };
        let name = if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() };
        let is_table =
            self.known.iter().any(|known| matches!(known, TableReference::Bare { table } if **table == *name));
        let (Some(start), Some(end)) = (self.offset(ident.span.start), self.offset(ident.span.end)) else { return };
        if is_table {
            self.tables.push(SourceTable { name, start, length: end.saturating_sub(start), has_alias });
        }
    }

    /// The byte of a line and column, both counted from 1.
    fn offset(&self, place: datafusion::sql::sqlparser::tokenizer::Location) -> Option<usize> {
        let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let before: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        let own = self.text.get(before..)?;
        Some(before + own.char_indices().nth(column).map_or(own.len(), |(at, _)| at))
    }
}

impl Visitor for FoundTables<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = table {
            self.add(name, alias.is_some());
        }
        ControlFlow::Continue(())
    }
}

/// The rows of a table in memory; `None` for other tables, and while it is written.
async fn memory_rows(table: &Arc<dyn TableProvider>) -> Option<u64> {
    let memory = (table.as_ref() as &dyn std::any::Any).downcast_ref::<MemTable>()?;
    let mut rows = 0;
    for partition in &memory.batches {
        rows += partition.read().await.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
    }
    Some(rows)
}

/// The columns of a schema with their SQL types, as DESCRIBE lists them.
pub(crate) fn described(schema: &SchemaRef) -> Result<Answer> {
    let fields = schema.fields();
    let text = |texts: Vec<String>| -> ArrayRef { Arc::new(StringArray::from_iter_values(texts)) };
    listing::values(
        vec![
            ("column_name", text(fields.iter().map(|field| field.name().clone()).collect())),
            ("data_type", text(fields.iter().map(|field| sql_type(field.data_type())).collect())),
            (
                "is_nullable",
                text(fields.iter().map(|f| if f.is_nullable() { "YES" } else { "NO" }.to_owned()).collect()),
            ),
        ],
        "columns",
    )
}
