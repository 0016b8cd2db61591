//! Names that statements may use: tables, their columns, samples and functions.

use super::kept_tables::is_kept;
use super::session::Session;
use crate::answer::{Answer, Result, listing, sql_type};
use crate::planning::case;
use crate::planning::spellings::function_names;
use arrow::array::{ArrayRef, StringArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::{MemTable, TableType};
use plusminus_dialect::StatementKind;
use plusminus_files::{FileTable, is_path};
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

    /// Names after FROM in a script that are neither tables nor files, each once and in lower case unless it is quoted. Empty for a text that cannot be parsed.
    pub async fn unknown_tables(&self, script: &str) -> Vec<String> {
        let (mut unknown, state) = (Vec::new(), self.env.context.state());
        for statement in self.parse(script).unwrap_or_default() {
            let text = match &statement.kind {
                StatementKind::Sql(sql) => sql.query().to_owned(),
                StatementKind::Summarize { source, .. } => format!("SELECT * FROM {source}"),
                StatementKind::CreateSample(create) => format!("SELECT * FROM {}", create.relation),
                _ => continue,
            };
            let references = case::parsed(&state, &text).and_then(|parsed| state.resolve_table_references(&parsed));
            for reference in references.unwrap_or_default() {
                let TableReference::Bare { table } = &reference else { continue };
                let is_file = std::path::Path::new(table.as_ref()).exists() || is_path(table);
                if !is_file
                    && !self.env.is_named_table(&reference)
                    && !unknown.iter().any(|known: &String| **known == **table)
                {
                    unknown.push(table.to_string());
                }
            }
        }
        unknown
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
