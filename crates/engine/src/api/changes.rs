//! UPDATE and DELETE.
//!
//! Which rows change is found by a query over the table with numbered rows, so that every condition works that works in a query; the
//! changed rows then take the table's place as a whole.

use super::hidden_table::HiddenTable;
use super::kept_tables::counted;
use super::session::Session;
use crate::answer::{Answer, Error, Result, listing, with_tables};
use crate::planning::case;
use crate::runtime::collected;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array};
use arrow::compute::{CastOptions, cast_with_options, concat_batches, filter_record_batch, interleave};
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::Expr;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    AssignmentTarget, Delete, FromTable, Statement as Sql, TableFactor, TableWithJoins, Update, UpdateTableFromKind,
};
use std::collections::HashMap;
use std::sync::Arc;

/// The column of row numbers.
const ROW: &str = "__row";

/// A statement that changes rows.
struct Change {
    table: TableReference,
    /// The name by which the statement refers to the table.
    alias: String,
    /// Other tables of UPDATE … FROM and DELETE … USING.
    others: Vec<String>,
    condition: Option<String>,
    /// Columns and the expressions that they are set to; `None` for DELETE.
    assignments: Option<Vec<(String, String)>>,
}

impl Session {
    /// Runs UPDATE or DELETE; `None` for other statements.
    pub(crate) async fn change_rows(&self, sql: &str) -> Result<Option<Answer>> {
        let state = self.env.context.state();
        let Ok(Statement::Statement(statement)) = case::parsed(&state, sql) else { return Ok(None) };
        let change = match *statement {
            Sql::Update(update) => of_update(update)?,
            Sql::Delete(delete) => of_delete(delete)?,
            _ => return Ok(None),
        };
        let _turn = self.take_turn().await?;
        let provider = match self.env.context.table_provider(change.table.clone()).await {
            Ok(provider) => provider,
            Err(error) => return Err(with_tables(&error, &self.table_names())),
        };
        let name = self.env.table_key(&change.table);
        let kept = self.kept_definition(&name).filter(|kept| self.env.store.keeps_rows_of(kept));
        let is_memory = (provider.as_ref() as &dyn std::any::Any).is::<MemTable>();
        if kept.is_none() && !is_memory {
            return Err(Error::unsupported(
                format!("'{name}' is no table whose rows can be changed"),
                format!("CREATE TABLE copy AS SELECT * FROM {name}, and change the copy"),
            ));
        }
        let parts = self.env.context.read_table(Arc::clone(&provider))?.collect().await?;
        let rows = concat_batches(&provider.schema(), &parts)?;
        let found = self.found(&change, &rows).await?;
        let (changed, count) = match &change.assignments {
            None => without(&rows, &found)?,
            Some(assignments) => with_values(&rows, &found, assignments)?,
        };
        match kept {
            Some(kept) => self.replace_rows(&kept, changed).await?,
            None => self.replace_memory(&change.table, &provider, changed)?,
        }
        let done = if change.assignments.is_some() { "updated in" } else { "deleted from" };
        Ok(Some(listing::message(&format!("{} {done} '{name}'", counted(count)))))
    }

    /// The numbers of the rows that change, and the values that they are set to.
    async fn found(&self, change: &Change, rows: &RecordBatch) -> Result<RecordBatch> {
        let state = self.env.context.state();
        let hidden = HiddenTable::new(self, numbered(rows)?)?;
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let alias = quoted(&change.alias);
        let mut columns = vec![format!("{alias}.\"{ROW}\"")];
        for (at, (_, value)) in change.assignments.iter().flatten().enumerate() {
            // A fraction is rounded by CAST, as INSERT does.
            let own = change.assignments.as_ref().and_then(|all| column_named(&rows.schema(), &all[at].0).ok());
            let is_whole = own.is_some_and(|own| {
                let own = rows.schema().field(own).data_type().clone();
                own.is_integer() && own != DataType::UInt64
            });
            let value = if is_whole { format!("CAST(({value}) AS BIGINT)") } else { format!("({value})") };
            columns.push(format!("{value} AS \"__value_{at}\""));
        }
        let mut tables = vec![format!("\"{}\" AS {alias}", hidden.name())];
        tables.extend(change.others.iter().cloned());
        let condition = change.condition.as_ref().map(|own| format!(" WHERE {own}")).unwrap_or_default();
        let sql = format!("SELECT {} FROM {}{condition}", columns.join(", "), tables.join(", "));
        let plan = case::plan_of(&state, &sql).await.map_err(|error| with_tables(&error, &self.table_names()))?;
        let physical = state.create_physical_plan(&plan).await?;
        collected(&physical, &state, &self.env.executor).await
    }

    fn replace_memory(&self, name: &TableReference, before: &Arc<dyn TableProvider>, rows: RecordBatch) -> Result<()> {
        let schema = rows.schema();
        let default = |field: &Arc<Field>| {
            before.get_column_default(field.name()).map(|default| (field.name().clone(), default.clone()))
        };
        let defaults: HashMap<String, Expr> = schema.fields().iter().filter_map(default).collect();
        let table = MemTable::try_new(Arc::clone(&schema), vec![vec![rows]])?.with_column_defaults(defaults);
        self.env.context.deregister_table(name.clone())?;
        self.env.context.register_table(name.clone(), Arc::new(table))?;
        Ok(())
    }
}

/// The rows with a column of their numbers.
fn numbered(rows: &RecordBatch) -> Result<MemTable> {
    let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..rows.num_rows() as u64));
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(ROW, numbers.data_type().clone(), false)));
    let schema = Arc::new(Schema::new(fields));
    let mut columns = rows.columns().to_vec();
    columns.push(numbers);
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Ok(MemTable::try_new(schema, vec![vec![batch]])?)
}

/// For each row the place of its last entry among those that were found.
fn places(rows: &RecordBatch, found: &RecordBatch) -> Vec<Option<usize>> {
    let mut places = vec![None; rows.num_rows()];
    for (place, row) in found.column(0).as_primitive::<UInt64Type>().values().iter().enumerate() {
        if let Some(own) = usize::try_from(*row).ok().and_then(|row| places.get_mut(row)) {
            *own = Some(place);
        }
    }
    places
}

/// The rows that were not found, and how many were.
fn without(rows: &RecordBatch, found: &RecordBatch) -> Result<(RecordBatch, u64)> {
    let stays: BooleanArray = places(rows, found).iter().map(|place| Some(place.is_none())).collect();
    let count = (stays.len() - stays.true_count()) as u64;
    Ok((filter_record_batch(rows, &stays)?, count))
}

/// The rows with new values where they were found, and how many were.
fn with_values(rows: &RecordBatch, found: &RecordBatch, set: &[(String, String)]) -> Result<(RecordBatch, u64)> {
    let places = places(rows, found);
    let count = places.iter().flatten().count() as u64;
    let indices: Vec<(usize, usize)> =
        places.iter().enumerate().map(|(row, place)| place.map_or((0, row), |place| (1, place))).collect();
    let schema = rows.schema();
    let mut columns = rows.columns().to_vec();
    for (at, (name, _)) in set.iter().enumerate() {
        let column = column_named(&schema, name)?;
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let values = cast_with_options(found.column(at + 1), schema.field(column).data_type(), &strict)?;
        columns[column] = interleave(&[columns[column].as_ref(), values.as_ref()], &indices)?;
        if !schema.field(column).is_nullable() && columns[column].null_count() > 0 {
            return Err(Error::Data {
                what: format!("column '{name}' is NOT NULL"),
                next: "another value, or COALESCE".to_owned(),
            });
        }
    }
    Ok((RecordBatch::try_new(schema, columns)?, count))
}

/// The place of a column by its name, or by a name that differs in case alone.
fn column_named(schema: &Schema, name: &str) -> Result<usize> {
    let fields = || schema.fields().iter().map(|field| field.name().as_str());
    let found =
        fields().position(|own| own == name).or_else(|| fields().position(|own| own.eq_ignore_ascii_case(name)));
    found.ok_or_else(|| {
        let next = match plusminus_dialect::nearest(name, fields()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("one of: {}", fields().collect::<Vec<_>>().join(", ")),
        };
        Error::invalid(format!("there is no column named '{name}'"), next)
    })
}

fn of_update(update: Update) -> Result<Change> {
    if update.limit.is_some() || !update.order_by.is_empty() || update.returning.is_some() || update.or.is_some() {
        return Err(unsupported("UPDATE"));
    }
    let (table, alias) = target(update.table)?;
    let others = match update.from {
        None => Vec::new(),
        Some(UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables)) => {
            tables.iter().map(ToString::to_string).collect()
        }
    };
    let mut assignments = Vec::with_capacity(update.assignments.len());
    for assignment in update.assignments {
        let AssignmentTarget::ColumnName(name) = &assignment.target else {
            return Err(Error::unsupported("several columns cannot be set at once", "SET a = 1, b = 2"));
        };
        let column = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone());
        assignments.push((column.unwrap_or_default(), assignment.value.to_string()));
    }
    let condition = update.selection.map(|condition| condition.to_string());
    Ok(Change { table, alias, others, condition, assignments: Some(assignments) })
}

fn of_delete(delete: Delete) -> Result<Change> {
    if delete.limit.is_some() || !delete.order_by.is_empty() || delete.returning.is_some() {
        return Err(unsupported("DELETE"));
    }
    let (FromTable::WithFromKeyword(mut from) | FromTable::WithoutKeyword(mut from)) = delete.from;
    let (Some(own), true) = (from.pop(), from.is_empty()) else {
        return Err(Error::unsupported("rows are deleted from one table at a time", "DELETE FROM a USING b WHERE …"));
    };
    let (table, alias) = target(own)?;
    let others = delete.using.iter().flatten().map(ToString::to_string).collect();
    Ok(Change { table, alias, others, condition: delete.selection.map(|own| own.to_string()), assignments: None })
}

/// The table that changes, and the name by which the statement refers to it.
fn target(table: TableWithJoins) -> Result<(TableReference, String)> {
    let TableFactor::Table { name, alias, .. } = table.relation else {
        return Err(Error::unsupported("only rows of a table can be changed", "UPDATE table SET …, DELETE FROM table"));
    };
    if !table.joins.is_empty() {
        return Err(Error::unsupported(
            "rows of a join cannot be changed",
            "UPDATE a SET … FROM b, DELETE FROM a USING b",
        ));
    }
    let reference = TableReference::parse_str(&name.to_string());
    let alias = alias.map_or_else(|| reference.table().to_owned(), |alias| plain(&alias.name));
    Ok((reference, alias))
}

/// An identifier as SQL reads it: in lower case unless it is quoted.
fn plain(ident: &datafusion::sql::sqlparser::ast::Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn unsupported(statement: &str) -> Error {
    Error::unsupported(
        format!("{statement} takes neither ORDER BY, LIMIT nor RETURNING"),
        format!("{statement} … WHERE with a condition that holds for the rows that are meant"),
    )
}
