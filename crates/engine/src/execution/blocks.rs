//! Answers queries that consist of several query blocks, each as a query of its own.

use super::rows::{Combined, combined};
use super::sums::{missing, summed};
use super::{ExecutionMode, QueryExecution, Sampled, ms};
use crate::answer::{Answer, Mode, Report, Result};
use crate::bounds::{Best, Goal};
use crate::planning::{Blocks, PlannedQuery, Sum};
use crate::refine::TableReason;
use crate::runtime::caught;
use datafusion::common::TableReference;
use plusminus_plan::Reason;
use plusminus_statistics::Target;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Share of the whole exact answer's work above which it replaces the exact answers of some blocks.
const TABLE_SHARE: f64 = 0.5;

/// Outcome of asking samples for a part of a query.
pub(crate) enum Block {
    Answer(Box<Answer>),
    Table(TableReason),
}

/// Answers by block so far; `None` for blocks without one.
type Answers = Arc<Mutex<Vec<Option<Answer>>>>;

impl QueryExecution {
    /// Answers a query made of blocks: an estimate of each, or the exact answer where that costs no more.
    pub(crate) async fn from_blocks(self: &Arc<Self>, blocks: &Arc<Blocks>) -> Result<Answer> {
        let table_time = self.table_after_parts().await?;
        let answers: Answers = Arc::new(Mutex::new(vec![None; blocks.blocks.len()]));
        let mut on_table = Vec::new();
        let mut work = 0.0;
        for (number, block) in blocks.blocks.iter().enumerate() {
            let execution = self.block(blocks, number, Arc::clone(block), &answers);
            match execution.block_answer().await? {
                Block::Answer(answer) => self.keep(blocks, &answers, number, *answer)?,
                Block::Table(reason) => {
                    work += block.table_work(&self.env).await?.ns;
                    on_table.push((number, reason));
                }
            }
            // Checked before any block is computed, since together they may be as much work as the whole.
            if work > TABLE_SHARE * self.prepared.table_work(&self.env).await?.ns
                && let Some((_, reason)) = on_table.pop()
            {
                return self.on_table(reason).await;
            }
        }
        for (number, reason) in on_table {
            let goal = Goal { error: None, within: self.left(), ..self.goal };
            let execution = self.part(Arc::clone(&blocks.blocks[number]), goal);
            self.keep(blocks, &answers, number, execution.on_table(reason).await?)?;
        }
        let Some(answer) = self.combined(blocks, &answers)? else {
            return self.exact(Reason::new("estimates would decide which rows are the same")).await;
        };
        // An exact answer needs no table.
        if let Some(time) = table_time.filter(|_| answer.report.mode == Mode::Approximate) {
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish: Box::new(Ok) })?;
            return self.on_table(TableReason::Fits(time)).await;
        }
        if answer.report.met != Some(true) && self.goal.reads_table_on_miss() && self.table_may_end().await? {
            return self.on_table(TableReason::Missed(None)).await;
        }
        self.blocks_missed(answer)
    }

    /// Whether the exact answer may still end in time.
    pub(crate) async fn table_may_end(&self) -> Result<bool> {
        let table = self.table();
        Ok(table.cost().await?.is_none_or(|cost| cost.may_end_in(self.left())))
    }

    /// The predicted time of the exact answer, where only time is stated and the exact answer follows the estimates.
    pub(crate) async fn table_after_parts(&self) -> Result<Option<Duration>> {
        Ok(self.table().follows(self.left().filter(|_| self.goal.prefers_exact())).await?.map(|follows| follows.table))
    }

    pub(crate) fn left(&self) -> Option<Duration> {
        self.goal.within.map(|within| within.saturating_sub(self.elapsed()))
    }

    /// One block as a query of its own, to be explained.
    pub(crate) fn explained_block(self: &Arc<Self>, blocks: &Arc<Blocks>, number: usize) -> Arc<Self> {
        let answers = Arc::new(Mutex::new(vec![None; blocks.blocks.len()]));
        self.block(blocks, number, Arc::clone(&blocks.blocks[number]), &answers)
    }

    /// One block as a query of its own, with its share of the time left.
    fn block(
        self: &Arc<Self>,
        blocks: &Arc<Blocks>,
        number: usize,
        prepared: Arc<PlannedQuery>,
        answers: &Answers,
    ) -> Arc<Self> {
        let count = blocks.blocks.len();
        let ahead = u32::try_from(count - number).unwrap_or(u32::MAX);
        let within = self.left().map(|left| left / ahead);
        let forward = {
            let (execution, blocks, answers) = (Arc::clone(self), Arc::clone(blocks), Arc::clone(answers));
            Box::new(move |answer| execution.keep(&blocks, &answers, number, answer))
        };
        let stacked = blocks.stacked().count();
        let mut goal = self.goal.of_block(stacked, blocks.cuts_rows(), blocks.share_scan, within);
        if let Some(sum) = blocks.sum_of(number) {
            goal = goal.of_summand(sum.blocks.len());
        }
        self.watched_part(prepared, goal, forward)
    }

    /// Answers a block from samples, or says that the table has to answer it.
    pub(crate) async fn block_answer(self: &Arc<Self>) -> Result<Block> {
        let refused = |reason| Ok(Block::Table(TableReason::Refused(reason)));
        loop {
            let (query, candidates) = match caught(self.execution_mode()).await {
                Ok(ExecutionMode::Sample(query, candidates)) => (query, candidates),
                Ok(ExecutionMode::Exact(reason)) => return refused(reason),
                Err(error) => return refused(super::fallback(error)?),
            };
            return match caught(self.sampled(&query, &candidates)).await {
                Ok(Sampled::Answer(answer)) => Ok(Block::Answer(answer)),
                Ok(Sampled::Table(reason)) => Ok(Block::Table(reason)),
                // Columns are asked for twice at most: the second time, for all levels.
                Ok(Sampled::Columns(wanted)) => {
                    self.fetching.ask_for(wanted);
                    continue;
                }
                Err(error) => refused(super::fallback(error)?),
            };
        }
    }

    /// Stores the answer of a block; once every block has one, the query has a finished level.
    fn keep(self: &Arc<Self>, blocks: &Arc<Blocks>, answers: &Answers, number: usize, answer: Answer) -> Result<()> {
        let is_whole = {
            let mut all = answers.lock().unwrap_or_else(PoisonError::into_inner);
            all[number] = Some(answer);
            all.iter().all(Option::is_some)
        };
        if is_whole
            && self.watch.is_wanted()
            && let Some(answer) = self.combined(blocks, answers)?
        {
            let execution = Arc::clone(self);
            let finish = Box::new(move |answer| execution.blocks_missed(answer));
            self.watch.level_done(Best { build: Box::new(|| Ok(answer)), finish })?;
        }
        Ok(())
    }

    /// Combines the answers of all blocks; `None` where estimates would decide which rows are duplicates.
    fn combined(&self, blocks: &Blocks, answers: &Answers) -> Result<Option<Answer>> {
        let parts: Vec<Answer> = {
            let all = answers.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter().flatten().cloned().collect()
        };
        let Some(combined) = blocks.combined(&parts, self.goal.error)? else { return Ok(None) };
        let mut report = self.blocks_report(&parts, &combined);
        report.missing_groups_below = blocks.missing(&parts).filter(|_| combined.unsettled.absent == 0);
        report.rows_total = blocks.rows_total(&parts);
        Ok(Some(Answer { is_query: true, batch: combined.batch, columns: combined.columns, report }))
    }

    fn blocks_report(&self, parts: &[Answer], combined: &Combined) -> Report {
        let reports: Vec<&Report> = parts.iter().map(|part| &part.report).collect();
        let is_approximate = reports.iter().any(|report| report.mode == Mode::Approximate);
        let mode = if is_approximate { Mode::Approximate } else { Mode::Exact };
        let mut report = self.report(mode, "");
        report.met = Some(combined.is_met && self.in_time());
        report.rows_read = reports.iter().map(|report| report.rows_read).sum();
        let mut samples: BTreeMap<&str, (Option<usize>, Option<usize>)> = BTreeMap::new();
        for part in &reports {
            if let Some(name) = &part.sample {
                let own = samples.entry(name).or_default();
                *own = (own.0.max(part.level), part.levels);
            }
        }
        if is_approximate {
            report.sample =
                Some(samples.keys().copied().collect::<Vec<_>>().join(", ")).filter(|names| !names.is_empty());
            // Levels of several samples have no common number.
            if samples.len() == 1 {
                (report.level, report.levels) = samples.values().next().copied().unwrap_or_default();
            }
        }
        let mut reasons: Vec<&str> = Vec::new();
        for part in &reports {
            if !reasons.contains(&part.reason.as_str()) {
                reasons.push(&part.reason);
            }
        }
        report.reason = format!("{} query blocks: {}", reports.len(), reasons.join("; "));
        report.warnings = notes(&reports);
        report.warnings.extend(combined.unsettled.sentences());
        report.unsettled_ranks.clone_from(&combined.unsettled.ranks);
        report.unsettled_members.clone_from(&combined.unsettled.members);
        report.unsettled_absent = combined.unsettled.absent;
        report.elapsed_ms = ms(self.elapsed());
        report.parts = self.timings.taken();
        report
    }

    fn blocks_missed(&self, mut answer: Answer) -> Result<Answer> {
        self.timings.lap("blocks");
        answer.report.parts = self.timings.taken();
        self.apply_miss_policy(answer, None)
    }
}

/// Notes of all blocks, each sentence once. Sentences on unsettled rows are left out, since they are counted again for all blocks.
pub(crate) fn notes(reports: &[&Report]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for report in reports {
        let own = crate::refine::RankStability {
            ranks: report.unsettled_ranks.clone(),
            members: report.unsettled_members.clone(),
            absent: report.unsettled_absent,
        };
        let counted = own.sentences();
        let fresh = report.warnings.iter().filter(|warning| !counted.contains(warning));
        for warning in fresh {
            if !notes.contains(warning) {
                notes.push(warning.clone());
            }
        }
    }
    notes
}

impl Blocks {
    /// Total rows of the distinct tables that blocks read, given the blocks' `answers`; `None` where one is not known.
    pub(crate) fn rows_total(&self, answers: &[Answer]) -> Option<u64> {
        let mut tables: Vec<(&TableReference, u64)> = Vec::new();
        for (block, answer) in self.blocks.iter().zip(answers) {
            let table = &block.query.as_ref().ok()?.scan.table_name;
            let rows = answer.report.rows_total?;
            if tables.iter().all(|(known, _)| *known != table) {
                tables.push((table, rows));
            }
        }
        Some(tables.iter().map(|(_, rows)| rows).sum())
    }

    /// Rows that a group which no block shows may have; `None` where a block does not know.
    pub(crate) fn missing(&self, answers: &[Answer]) -> Option<u64> {
        let of = |(blocks, sum): (Range<usize>, Option<&Sum>)| match sum {
            Some(_) => missing(&answers[blocks]),
            None => answers[blocks.start].report.missing_groups_below,
        };
        self.stacked().map(of).reduce(|one, other| Some(one?.max(other?))).flatten()
    }

    /// The query's rows from those of its blocks; `None` where estimates would decide which rows are duplicates.
    pub(crate) fn combined(&self, answers: &[Answer], target: Option<Target>) -> Result<Option<Combined>> {
        let mut stacked = Vec::with_capacity(answers.len());
        for (blocks, sum) in self.stacked() {
            match sum {
                None => stacked.push(answers[blocks.start].clone()),
                Some(sum) => match summed(&answers[blocks], &sum.keys)? {
                    Some(sums) => stacked.push(sums),
                    None => return Ok(None),
                },
            }
        }
        combined(&stacked, &self.steps, &self.schema, target, &[])
    }
}
