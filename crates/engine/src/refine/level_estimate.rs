//! Computes estimates and intervals from the rows read so far.

use super::level_rows::{LevelEstimate, ProgressiveScan, too_large};
use crate::answer::Result;
use crate::estimate::{Estimator, IntervalMethod, Source, methods, non_linear};
use crate::moments::{ArgumentFacts, Ranges, UnsampledRows, ValueLimits};
use crate::strata::known_variable;
use datafusion::execution::memory_pool::MemoryReservation;
use plusminus_kernel::{
    Block, BlockAggregator, ByGroup, GroupRange, LevelSizes, LevelStrata, Program, SumUses, Walk, Workers, key_totals,
    totals,
};
use plusminus_plan::{AggregateQuery, Variable, used_inputs};
use plusminus_statistics::{Estimate, Population, PopulationMoments, Quantiles, Total};
use std::ops::Range;
use std::sync::Arc;

/// Inputs of the estimates of one level that are known before any row is added up.
struct EstimationInputs<'a> {
    query: &'a AggregateQuery,
    sizes: &'a LevelSizes,
    /// Interval method of each of the query's functions.
    methods: Vec<IntervalMethod>,
    /// Row counts of the strata that could hold rows of each group, one entry per group.
    populations: Vec<Population>,
    /// Counts that the catalog knows, variables × groups.
    known: Vec<Option<Vec<f64>>>,
    /// Range, mean and key moments of each argument, one entry per argument.
    facts: &'a [ArgumentFacts],
    /// Bounds on the effect of rows outside the level.
    unsampled: Arc<UnsampledRows>,
    /// Ranges of arguments in the rows of a FILTER, where they are known.
    limits: Option<&'a ValueLimits>,
    /// Ranges of arguments in each group, one entry per group; empty where GROUP BY limits none.
    group_limits: Vec<Option<Ranges>>,
    /// The part of the strata that could hold rows of each group, one entry per group.
    parts: Vec<usize>,
    whole_strata: bool,
    rows_of_keys: Option<PopulationMoments>,
    quantiles: &'a Quantiles,
    /// Quantiles that hold in all groups at once, for counts of keys in groups with few keys each.
    of_few_keys: Option<Arc<Quantiles>>,
    /// Whether a sample of keys misstates known facts that each function depends on.
    doubted: Vec<bool>,
    /// Numeric GROUP BY values, keys × groups.
    key_values: &'a [Vec<f64>],
}

/// Estimates, functions × groups, and values of aggregate calls, calls × groups.
struct GroupEstimates {
    estimates: Vec<Vec<Estimate>>,
    calls: Vec<Vec<Option<f64>>>,
}

impl ProgressiveScan<'_> {
    pub(crate) fn estimated(&mut self, level: usize) -> Result<LevelEstimate> {
        let groups = self.program.as_ref().map_or(0, Program::group_count);
        let _room = self.room_for(level, groups)?;
        let quantiles = self.quantiles();
        let strata = self.view.at(level);
        let parts: Vec<usize> = (0..groups).map(|g| self.part(g)).collect();
        let group_limits = self.group_limits()?;
        let inputs = self.inputs(level, &strata, &parts, &quantiles, group_limits);
        let levels = &self.rows[..self.pieces_up_to(level)];
        let walk = Walk { levels, sizes: &strata.sizes, groups, workers: self.context.workers };
        let GroupEstimates { estimates, calls } = match &self.projected {
            Some(rows) if self.query.keys.is_empty() => inputs.in_halves(rows, &walk)?,
            Some(rows) => inputs.in_blocks(rows, &walk)?,
            None => match self.by_group(&walk)? {
                // The memory reservation is held as long as the rows.
                Some((sorted, _room)) => {
                    self.context.timings.lap("put in order of groups");
                    inputs.in_blocks(&sorted, &walk)?
                }
                None => self.at_once(&inputs, walk, &parts)?,
            },
        };
        let populations = inputs.populations;
        Ok(LevelEstimate { strata, populations, quantiles, estimates, calls, nested: None })
    }

    fn inputs<'a>(
        &'a self,
        level: usize,
        strata: &'a LevelStrata,
        parts: &[usize],
        quantiles: &'a Quantiles,
        group_limits: Vec<Option<Ranges>>,
    ) -> EstimationInputs<'a> {
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        let known = |variable| {
            let counts = known_variable(self.query, self.view, variable)?;
            Some(parts.iter().map(|p| counts[*p] as f64).collect())
        };
        EstimationInputs {
            query: self.query,
            sizes: &strata.sizes,
            methods: methods(self.query, self.known.rows_of_keys.is_some()),
            populations: parts.iter().map(|p| strata.by_part[*p]).collect(),
            known: (0..self.query.variables.len()).map(known).collect(),
            facts: &self.known.arguments,
            unsampled: self.unsampled(level, strata),
            limits: self.limits,
            group_limits,
            parts: parts.to_vec(),
            whole_strata: self.view.decides_all(),
            rows_of_keys: self.known.rows_of_keys,
            quantiles,
            of_few_keys: self.of_few_keys(strata, parts.len()),
            doubted: self.doubted(level, quantiles),
            key_values: self.program.as_ref().map_or(&[], Program::key_numbers),
        }
    }

    /// Ranges of arguments by group, where a GROUP BY column with few values gives any that strata do not.
    fn group_limits(&mut self) -> Result<Vec<Option<Ranges>>> {
        let groups = self.program.as_ref().map_or(0, Program::group_count);
        let Some(limits) = self.limits.filter(|limits| limits.are_by_group(groups)) else { return Ok(Vec::new()) };
        let keys = self.program.as_mut().map_or_else(|| Ok(Vec::new()), Program::group_keys)?;
        Ok(limits.of_groups(&keys))
    }

    /// Bounds on the effect of rows outside levels up to `level`; empty where all variables are plain counts, or whole keys were drawn.
    pub(crate) fn unsampled(&self, level: usize, strata: &LevelStrata) -> Arc<UnsampledRows> {
        let is_sum = self.query.variables.iter().any(|variable| variable.argument.is_some());
        let is_asked = is_sum || self.query.functions().any(|function| function.is_linear_in_one().is_none());
        match is_asked && !self.view.by_key {
            true => self.binding.unsampled(self.query, self.known, level, &strata.sizes),
            false => Arc::default(),
        }
    }

    /// Reserves memory for the totals and estimates of `groups` groups, held while the level is evaluated.
    fn room_for(&self, level: usize, groups: usize) -> Result<MemoryReservation> {
        let estimates = self.query.functions().count() + self.query.non_linear.len();
        let each = self.query.variables.len() * size_of::<Total>() + estimates * size_of::<Estimate>();
        let room = self.memory.new_empty();
        room.try_grow(groups.saturating_mul(each)).map_err(|_| too_large(level))?;
        Ok(room)
    }

    /// The rows in the order of their groups, with their memory reservation; `None` where that order does not pay or has no memory.
    fn by_group(&self, walk: &Walk<'_>) -> Result<Option<(ByGroup, MemoryReservation)>> {
        let needs_all = self.view.by_key || !self.query.non_linear.is_empty() || self.query.has_upper_aggregate;
        if needs_all || !ByGroup::pays(walk, self.query.variables.len()) {
            return Ok(None);
        }
        let room = self.memory.new_empty();
        if room.try_grow(ByGroup::bytes_for(walk.levels)).is_err() {
            return Ok(None);
        }
        Ok(Some((ByGroup::new(walk.levels, walk.groups, &self.query.variables, walk.workers)?, room)))
    }

    /// Estimates all groups at once from rows ordered by stratum.
    fn at_once(&self, inputs: &EstimationInputs<'_>, walk: Walk<'_>, parts: &[usize]) -> Result<GroupEstimates> {
        let totals = match self.view.by_key {
            true => key_totals(&walk, &self.query.variables)?,
            false => totals(&walk, &self.query.variables)?,
        };
        self.context.timings.lap("walk");
        let mut estimator = inputs.estimator(0..walk.groups, &totals, Source::Strata(walk));
        for (call, known) in self.query.non_linear.iter().zip(&self.non_linear) {
            let own = match known {
                Some(known) => parts.iter().map(|p| known[*p].estimate(inputs.quantiles)).collect(),
                None => non_linear::estimates(&estimator, &walk, call, &self.known_ends(call, walk.sizes, parts))?,
            };
            estimator.non_linear.push(own);
        }
        GroupEstimates::of(&estimator)
    }
}

impl EstimationInputs<'_> {
    /// An estimator for a range of groups, given their totals.
    fn estimator<'a>(&'a self, groups: Range<usize>, totals: &'a [Total], rows: Source<'a>) -> Estimator<'a> {
        Estimator {
            query: self.query,
            methods: &self.methods,
            rows,
            totals,
            populations: &self.populations[groups.clone()],
            known: self.known.iter().map(|known| known.as_ref().map(|known| &known[groups.clone()])).collect(),
            non_linear: Vec::new(),
            facts: self.facts,
            unsampled: &self.unsampled,
            limits: self.limits,
            group_limits: self.group_limits.get(groups.clone()).unwrap_or_default(),
            parts: &self.parts[groups.clone()],
            whole_strata: self.whole_strata,
            rows_of_keys: self.rows_of_keys,
            quantiles: self.quantiles,
            of_few_keys: self.of_few_keys.as_deref(),
            doubted: &self.doubted,
            key_values: self
                .key_values
                .iter()
                .map(|v| &v[groups.start.min(v.len())..groups.end.min(v.len())])
                .collect(),
        }
    }

    /// The sums whose averages are estimated, and which of them need no interval of their own.
    fn asked(&self) -> SumUses {
        let (mut averages, mut others) = (Vec::new(), Vec::new());
        for (function, method) in self.query.functions().zip(&self.methods) {
            match method {
                IntervalMethod::Mean { sum, .. } => averages.push(*sum),
                _ => others.extend(used_inputs(function)),
            }
        }
        let average_only = averages.iter().copied().filter(|sum| !others.contains(sum)).collect();
        SumUses { averages, average_only }
    }

    /// Estimates block after block of groups, in two halves on two threads.
    fn in_blocks(&self, sorted: &ByGroup, walk: &Walk<'_>) -> Result<GroupEstimates> {
        let ([first, second], asked) = (sorted.halves(), self.asked());
        let half = |half: GroupRange<'_>| -> Result<GroupEstimates> {
            // The first half reserves room for the results of the second.
            let mut found = GroupEstimates::with_room(self.query, self.populations.len() - half.groups().start);
            let mut from = half.groups().start;
            let mut blocks = BlockAggregator::new(&half, self.sizes, &asked);
            while from < half.groups().end {
                let (block, totals) = blocks.walked(from, &self.query.variables);
                let groups = block.groups();
                from = groups.end;
                found.append(GroupEstimates::of(&self.estimator(groups, &totals, Source::Block(block)))?);
            }
            Ok(found)
        };
        let (first, second) = walk.workers.join(|| half(first), || half(second))?;
        let mut found = first?;
        found.append_by(walk.workers, second?)?;
        Ok(found)
    }
}

impl EstimationInputs<'_> {
    /// Estimates a single group whose rows are in two halves that share no stratum.
    fn in_halves(&self, sorted: &ByGroup, walk: &Walk<'_>) -> Result<GroupEstimates> {
        let (halves, asked) = (sorted.halves(), self.asked());
        let [mut first, mut second] = halves.each_ref().map(|half| BlockAggregator::new(half, self.sizes, &asked));
        let variables = &self.query.variables;
        let (one, other) = walk
            .workers
            .join(|| part_of(&halves[0], &mut first, variables), || part_of(&halves[1], &mut second, variables))?;
        let parts: Vec<(Block<'_>, Vec<Total>)> = [one, other].into_iter().flatten().collect();
        let mut totals = vec![Total::default(); variables.len()];
        for (_, own) in &parts {
            totals.iter_mut().zip(own).for_each(|(total, part)| total.merge(part));
        }
        GroupEstimates::of(&self.estimator(0..1, &totals, Source::Halves(parts, walk.workers)))
    }
}

/// The group of a half that has at most one, and its totals.
fn part_of<'a>(
    half: &GroupRange<'_>,
    blocks: &'a mut BlockAggregator<'_>,
    variables: &[Variable],
) -> Option<(Block<'a>, Vec<Total>)> {
    half.groups().next().map(|part| blocks.walked(part, variables))
}

impl GroupEstimates {
    fn with_room(query: &AggregateQuery, groups: usize) -> Self {
        Self {
            estimates: query.functions().map(|_| Vec::with_capacity(groups)).collect(),
            calls: query.calls.iter().map(|_| Vec::with_capacity(groups)).collect(),
        }
    }

    fn of(estimator: &Estimator<'_>) -> Result<Self> {
        let estimates = estimator.all_estimates()?;
        let groups = 0..estimator.groups();
        let calls = estimator.query.calls.iter();
        let calls = calls.map(|call| groups.clone().map(|group| estimator.call_value(call, group)).collect()).collect();
        Ok(Self { estimates, calls })
    }

    /// Appends later groups on two threads, since the memory is fresh.
    fn append_by(&mut self, workers: &Workers, later: Self) -> Result<()> {
        let middle = self.estimates.len().div_ceil(2);
        let (mut first, mut second) = (later.estimates, Vec::new());
        second.extend(first.drain(middle..));
        let (own, others) = self.estimates.split_at_mut(middle);
        let calls = self.calls.iter_mut().zip(later.calls);
        workers.join(
            || own.iter_mut().zip(first).for_each(|(own, later)| own.extend(later)),
            || {
                others.iter_mut().zip(second).for_each(|(own, later)| own.extend(later));
                calls.for_each(|(own, later)| own.extend(later));
            },
        )?;
        Ok(())
    }

    /// Appends later groups.
    fn append(&mut self, later: Self) {
        self.estimates.iter_mut().zip(later.estimates).for_each(|(own, later)| own.extend(later));
        self.calls.iter_mut().zip(later.calls).for_each(|(own, later)| own.extend(later));
    }
}
