//! Statements that are no queries: what DataFusion runs, what the store keeps of it, and what is said about it.

use super::kept_tables::{count_of, counted};
use super::names::described;
use super::session::Session;
use crate::answer::{Answer, Error, Result, exact_columns, listing, plain_report, with_tables};
use crate::execution::ms;
use crate::planning::case;
use crate::planning::locate::located;
use crate::runtime::collected;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use datafusion::common::TableReference;
use datafusion::logical_expr::{DdlStatement, DropView, LogicalPlan};
use plusminus_dialect::{CopyTarget, Location, parse_copy};
use plusminus_files::FileTable;
use plusminus_plan::Role;
use std::sync::Arc;

/// Runs a statement that is no query through DataFusion.
///
/// `place` is where the text stands in what was entered, for errors; `None` for a text that nobody entered.
pub(crate) async fn plain(session: &Session, sql: &str, place: Option<Location>) -> Result<Answer> {
    let permanent = without_temporary(sql);
    let (sql, is_temporary) = permanent.as_deref().map_or((sql, false), |permanent| (permanent, true));
    let start = session.env.clock.elapsed();
    let copy = as_copy(sql, place, session.env.next_query())?;
    let sql = copy.as_ref().map_or(sql, |copy| copy.sql.as_str());
    let context = session.context();
    if is_show_tables(sql) {
        return session.list_tables().await;
    }
    if let Some(mut answer) = session.change_rows(sql).await? {
        answer.report.elapsed_ms = ms(session.env.clock.elapsed().saturating_sub(start));
        return Ok(answer);
    }
    let plan = match (case::named_plan_of(&context.state(), sql).await, place) {
        (Ok(plan), _) => plan,
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(place)) => {
            let error = session.of_broken_view(with_tables(&error, &session.table_names())).await;
            return Err(located(&session.env, sql, place, error).await);
        }
    };
    if let LogicalPlan::DescribeTable(table) = &plan {
        let mut answer = described(&table.schema)?;
        answer.report.warnings.extend(described_files(session, sql).await);
        return Ok(answer);
    }
    let kept = match &plan {
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(create)) if !is_temporary => {
            session.create_table(create).await?
        }
        LogicalPlan::Ddl(DdlStatement::DropView(DropView { name, .. })) if !session.env.is_named_table(name) => {
            session.forget_broken_view(name)?
        }
        LogicalPlan::Dml(statement) => session.insert_rows(statement).await?,
        _ => None,
    };
    if let Some(mut answer) = kept {
        answer.report.elapsed_ms = ms(session.env.clock.elapsed().saturating_sub(start));
        return Ok(answer);
    }
    if let Some(answer) = nothing_to_drop(session, &plan)? {
        return Ok(answer);
    }
    let batches = executed(session, &plan).await?;
    if let Some(copy) = copy {
        let rows = counted(batches.iter().map(count_of).sum());
        let mut answer = listing::message(&format!("{rows} written to '{}'", copy.publish()?));
        answer.report.elapsed_ms = ms(session.env.clock.elapsed().saturating_sub(start));
        return Ok(answer);
    }
    if !is_temporary {
        session.keep_declarations(&plan, sql).await?;
    }
    let mut answer = match done(&plan, &batches) {
        Some(message) => listing::message(&message),
        None => rows(&batches)?,
    };
    if let LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(create)) = &plan
        && !is_temporary
    {
        let name = create.name.table();
        answer.report.warnings.push(format!(
            "table '{name}' is in memory and ends with this process: the store keeps no DEFAULT, INTERVAL and MAP"
        ));
    }
    answer.report.elapsed_ms = ms(session.env.clock.elapsed().saturating_sub(start));
    Ok(answer)
}

/// The answer where nothing is there to be dropped, and the error where something else has that name.
fn nothing_to_drop(session: &Session, plan: &LogicalPlan) -> Result<Option<Answer>> {
    let LogicalPlan::Ddl(statement) = plan else { return Ok(None) };
    let (name, if_exists, kind) = match statement {
        DdlStatement::DropTable(table) => (&table.name, table.if_exists, "table"),
        DdlStatement::DropView(view) => (&view.name, view.if_exists, "view"),
        _ => return Ok(None),
    };
    if session.env.is_named_table(name) {
        let is_view = session.env.is_view(name);
        return match (kind, is_view) {
            ("table", true) => {
                Err(Error::invalid(format!("'{}' is a view", name.table()), format!("DROP VIEW {}", name.table())))
            }
            ("view", false) => {
                Err(Error::invalid(format!("'{}' is a table", name.table()), format!("DROP TABLE {}", name.table())))
            }
            _ => Ok(None),
        };
    }
    if !matches!(name, TableReference::Bare { .. }) {
        return Ok(None);
    }
    match if_exists {
        true => Ok(Some(listing::message(&format!("there is no {kind} '{}'", name.table())))),
        false => Err(Error::no_table(name.table(), &session.table_names())),
    }
}

/// Runs a plan that is no query.
async fn executed(session: &Session, plan: &LogicalPlan) -> Result<Vec<RecordBatch>> {
    let context = session.context();
    match plan {
        LogicalPlan::Copy(_) | LogicalPlan::Dml(_) | LogicalPlan::Analyze(_) => {
            let state = context.state();
            let physical = state.create_physical_plan(plan).await?;
            Ok(vec![collected(&physical, &state, &session.env.executor).await?])
        }
        _ => Ok(context.execute_logical_plan(plan.clone()).await?.collect().await?),
    }
}

/// The answer with what a statement returned.
fn rows(batches: &[RecordBatch]) -> Result<Answer> {
    let schema = batches.first().map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
    let batch = concat_batches(&schema, batches)?;
    let roles = vec![Role::Value; batch.num_columns()];
    Ok(Answer {
        is_query: false,
        columns: exact_columns(&batch, &roles, &vec![false; batch.num_columns()]),
        batch,
        report: plain_report("done"),
    })
}

/// A COPY with options, or with an ending, that DataFusion does not know, in its words; `None` for other statements.
fn as_copy(sql: &str, place: Option<Location>, number: u64) -> Result<Option<PendingCopy>> {
    let parsed = parse_copy(sql).map_err(|error| error.shifted(place.unwrap_or(Location::START)))?;
    let Some(mut copy) = parsed else { return Ok(None) };
    let CopyTarget::File(file) = copy.target.clone() else {
        return Err(Error::unsupported("only the command line has an output to copy to", "run the query itself"));
    };
    // The file is written beside its place and renamed, which would put it in the place of a device.
    if std::path::Path::new(&file).metadata().is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return Err(Error::invalid(
            format!("'{file}' is neither a file nor a folder"),
            "COPY … TO 'rows.csv', or TO STDOUT",
        ));
    }
    if copy.format.is_none() {
        return Err(Error::invalid(
            format!("the ending of '{file}' stands for no format"),
            "an ending such as .csv, .parquet, .json, .arrow or .csv.gz, or (FORMAT csv)",
        ));
    }
    // Several files, in folders by values, are written in their places.
    let is_one = copy.partition_by.is_none() && !std::path::Path::new(&file).is_dir() && !file.ends_with('/');
    let temporary = is_one.then(|| {
        let path = std::path::Path::new(&file);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{}-{number}-{name}", std::process::id()))
    });
    if let Some(temporary) = &temporary {
        copy.target = CopyTarget::File(temporary.to_string_lossy().into_owned());
    }
    Ok(copy.to_sql().map(|sql| PendingCopy { sql, file, temporary }))
}

/// A COPY whose file takes its name once it is whole, so that a failure leaves what was there before.
struct PendingCopy {
    sql: String,
    file: String,
    temporary: Option<std::path::PathBuf>,
}

impl PendingCopy {
    /// Gives the file its name, and returns it.
    fn publish(mut self) -> Result<String> {
        if let Some(temporary) = self.temporary.take().filter(|temporary| temporary.exists()) {
            let renamed = std::fs::rename(&temporary, &self.file);
            renamed.map_err(|e| plusminus_catalog::CatalogError::io(&self.file, e))?;
        }
        Ok(std::mem::take(&mut self.file))
    }
}

impl Drop for PendingCopy {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Where there is none, nothing was written.
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// CREATE TEMP TABLE or VIEW with spaces in the place of TEMP: DataFusion refuses the word, and its tables end with the process anyhow.
fn without_temporary(sql: &str) -> Option<String> {
    let mut words = sql.split_whitespace();
    let is = |word: Option<&str>, one: &str| word.is_some_and(|word| word.eq_ignore_ascii_case(one));
    if !is(words.next(), "create") {
        return None;
    }
    let mut word = words.next();
    if is(word, "or") && is(words.next(), "replace") {
        word = words.next();
    }
    let word = word.filter(|word| is(Some(word), "temp") || is(Some(word), "temporary"))?;
    if !is(words.next(), "table") && !sql.to_ascii_lowercase().contains("view") {
        return None;
    }
    let start = word.as_ptr() as usize - sql.as_ptr() as usize;
    Some(format!("{}{}{}", &sql[..start], " ".repeat(word.len()), &sql[start + word.len()..]))
}

/// A sentence on the effect of a statement that declares, drops or writes something.
fn done(plan: &LogicalPlan, batches: &[RecordBatch]) -> Option<String> {
    let statement = match plan {
        LogicalPlan::Ddl(statement) => statement,
        LogicalPlan::Copy(copy) => {
            return Some(format!("{} written to '{}'", counted(batches.iter().map(count_of).sum()), copy.output_url));
        }
        LogicalPlan::Dml(change) => {
            // Other changes are no plans of DataFusion's.
            let rows = counted(batches.iter().map(count_of).sum());
            return Some(format!("{rows} inserted into '{}'", change.table_name.table()));
        }
        _ => return None,
    };
    Some(match statement {
        DdlStatement::CreateMemoryTable(table) => format!("table '{}' created", table.name.table()),
        DdlStatement::CreateExternalTable(table) => {
            format!("table '{}' reads {}", table.name.table(), table.locations.join(", "))
        }
        DdlStatement::CreateView(view) => format!("view '{}' created", view.name.table()),
        DdlStatement::DropTable(table) => format!("table '{}' dropped", table.name.table()),
        DdlStatement::DropView(view) => format!("view '{}' dropped", view.name.table()),
        _ => return None,
    })
}

fn is_show_tables(sql: &str) -> bool {
    let words: Vec<&str> = sql.trim_end_matches(|c: char| c == ';' || c.is_whitespace()).split_whitespace().collect();
    matches!(words.as_slice(), [show, tables] if show.eq_ignore_ascii_case("show") && tables.eq_ignore_ascii_case("tables"))
}

/// The description of how a table's files are read, where the statement is DESCRIBE.
async fn described_files(session: &Session, sql: &str) -> Option<String> {
    let (verb, name) = sql.trim().split_once(char::is_whitespace)?;
    if !["describe", "desc"].contains(&verb.to_lowercase().as_str()) {
        return None;
    }
    let name = name.trim().trim_end_matches(';').trim_matches(['\'', '"']);
    let (table, _) = session.env.table(name).await.ok()?;
    FileTable::of(&table)?.description(&session.context().state()).await.ok()?
}
