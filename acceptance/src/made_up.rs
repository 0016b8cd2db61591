//! Tables in memory, of one stratum or several, and estimates from samples of them.

use crate::distributions::shuffle_first;
use crate::ideal::Part;
use plusminus_statistics::expression::{DifferentiableExpr, ValueRange};
use plusminus_statistics::{
    Cell, Estimate, Moments, Population, Quantiles, StratumSize, Total, Unsampled, count_interval, mean_interval,
    smooth_interval, sum_interval, unsampled_weight,
};
use rand_chacha::ChaCha8Rng;

/// Filters by the share of rows they let through.
pub(crate) const FILTERS: [(&str, f64); 4] = [("100 %", 1.0), ("10 %", 0.1), ("1 %", 0.01), ("0.1 %", 0.001)];

/// A row: the measure, a companion for ratios, and the number that filters look at.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) y: f64,
    pub(crate) x: f64,
    pub(crate) place: f64,
}

/// A whole table, and what the scan of it knows.
pub(crate) struct Table {
    strata: Vec<Vec<Row>>,
    /// Rows sampled of each stratum.
    sampled: Vec<usize>,
    population: Population,
    bounds: ValueRange,
    /// By stratum that is not known whole: hiding weight, range and mean of y, range of x.
    ranges: Vec<(f64, ValueRange, f64, ValueRange)>,
    shift: f64,
}

/// Totals of y and of x over one filter.
#[derive(Clone, Default)]
pub(crate) struct Sums {
    y: Total,
    x: Total,
}

/// Linearised totals of the mean of y and of Σx/Σy.
#[derive(Clone, Default)]
pub(crate) struct Linear {
    mean: Total,
    ratio: Total,
}

/// Two cells for each filter.
type Pairs = [[Cell; 2]; FILTERS.len()];

impl Table {
    /// A table whose samples hold `cap` rows of each stratum at most, and as builds do the rows farthest from the median of a
    /// heavy-tailed y.
    pub(crate) fn new(mut strata: Vec<Vec<Row>>, cap: usize) -> Self {
        let mut y = Moments::default();
        strata.iter().flatten().for_each(|row| y.add(row.y));
        let kept: usize = strata.iter().map(|rows| rows.len().min(cap)).sum();
        let class = if y.kurtosis().is_some_and(|kurtosis| kurtosis > 6.0) { kept / 10 } else { 0 };
        let far = take_farthest(&mut strata, class);
        let mut sampled: Vec<usize> = strata.iter().map(|rows| rows.len().min(cap)).collect();
        if !far.is_empty() {
            sampled.push(far.len());
            strata.push(far);
        }
        let mut population = Population::default();
        let mut ranges = Vec::new();
        for (rows, sampled) in strata.iter().zip(&sampled) {
            let size = StratumSize::new(rows.len() as u64, *sampled as u64);
            population.add(size);
            if !size.is_exact() {
                let (mut own, mut x) = (Moments::default(), Moments::default());
                rows.iter().for_each(|row| own.add(row.y));
                rows.iter().for_each(|row| x.add(row.x));
                let range = |of: &Moments| ValueRange::new(of.min, of.max);
                ranges.push((unsampled_weight(size), range(&own), own.mean, range(&x)));
            }
        }
        Self { strata, sampled, population, bounds: ValueRange::new(y.min, y.max), ranges, shift: y.mean }
    }

    /// Effect of one row outside the sample on a sum of y less `centre`, over whole strata or parts of them.
    fn unsampled(&self, centre: f64, whole: bool) -> Unsampled {
        let of = |(weight, range, mean, _): &(f64, ValueRange, f64, ValueRange)| {
            Unsampled::of(*weight, range.plus(ValueRange::of(-if whole { *mean } else { centre })))
        };
        self.ranges.iter().map(of).fold(Unsampled::default(), Unsampled::or_larger)
    }

    /// Effect of one row outside the sample on a sum of x less `ratio` times y.
    fn hidden_of_ratio(&self, ratio: f64) -> Unsampled {
        let of = |(weight, y, _, x): &(f64, ValueRange, f64, ValueRange)| {
            Unsampled::of(*weight, x.plus(y.times(ValueRange::of(-ratio))))
        };
        self.ranges.iter().map(of).fold(Unsampled::default(), Unsampled::or_larger)
    }

    /// The strata as the ideal knows them.
    pub(crate) fn parts(&self, filter: usize) -> Vec<Part> {
        let share = FILTERS[filter].1;
        let part = |(stratum, sampled): (&Vec<Row>, &usize)| {
            let mut part = Part { rows: real(stratum.len()), sampled: real(*sampled), ..Part::default() };
            stratum.iter().filter(|r| r.place < share).for_each(|r| part.add(r.x, r.y));
            part
        };
        self.strata.iter().zip(&self.sampled).map(part).collect()
    }

    /// Draws a new sample.
    pub(crate) fn draw(&mut self, rng: &mut ChaCha8Rng) {
        for (stratum, n) in self.strata.iter_mut().zip(&self.sampled) {
            shuffle_first(stratum, *n, rng);
        }
    }

    /// Adds two values of every sampled row to the cells of the filters it passes, stratum by stratum.
    fn walk(&self, values: impl Fn(usize, &Row) -> [f64; 2], mut fold: impl FnMut(usize, StratumSize, &[Cell; 2])) {
        for (stratum, &n) in self.strata.iter().zip(&self.sampled) {
            let mut cells = Pairs::default();
            for row in &stratum[..n] {
                for (filter, pair) in cells.iter_mut().enumerate().take_while(|(f, _)| row.place < FILTERS[*f].1) {
                    let [first, second] = values(filter, row);
                    pair[0].add(first);
                    pair[1].add(second);
                }
            }
            let size = StratumSize::new(stratum.len() as u64, n as u64);
            cells.iter().enumerate().for_each(|(filter, pair)| fold(filter, size, pair));
        }
    }

    /// The first walk over the sample: totals by filter.
    pub(crate) fn sums(&self) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); FILTERS.len()];
        let shift = self.shift;
        self.walk(
            |_, row| [row.y - shift, row.x - shift],
            |filter, size, [y, x]| {
                sums[filter].y.fold(size, shift, y);
                sums[filter].x.fold(size, shift, x);
            },
        );
        sums
    }

    /// The second walk: residuals of the mean and of the ratio.
    pub(crate) fn linearised(&self, sums: &[Sums]) -> Vec<Linear> {
        let slopes: Vec<[f64; 4]> = sums
            .iter()
            .map(|s| {
                let (y, rows) = (s.y.estimate(), s.y.count_estimate());
                [y / rows, rows, s.x.estimate() / y, y]
            })
            .collect();
        let mut linear = vec![Linear::default(); FILTERS.len()];
        self.walk(
            |filter, row| {
                let [mean, rows, ratio, total] = slopes[filter];
                [(row.y - mean) / rows, (row.x - ratio * row.y) / total]
            },
            |filter, size, [mean, ratio]| {
                linear[filter].mean.fold_domain(size, 0.0, mean);
                linear[filter].ratio.fold_domain(size, 0.0, ratio);
            },
        );
        linear
    }

    /// COUNT (none where the catalog knows it), SUM, AVG and Σx/Σy over one filter.
    pub(crate) fn estimates(
        &self,
        filter: usize,
        sums: &Sums,
        linear: &Linear,
        quantiles: &Quantiles,
    ) -> [Option<Estimate>; 4] {
        let population = &self.population;
        let whole = FILTERS[filter].1 >= 1.0;
        let (y, rows) = (sums.y.estimate(), sums.y.count_estimate());
        let ratio =
            DifferentiableExpr::Div(Box::new(DifferentiableExpr::Input(0)), Box::new(DifferentiableExpr::Input(1)));
        let ratio = ratio.evaluate(&[sums.x.estimate(), y]);
        let ratio_cv = sums.y.standard_error().unwrap_or(f64::INFINITY) / y.abs();
        let count = (!whole).then(|| count_interval(&sums.y, population, quantiles));
        let sum = sum_interval(&sums.y, whole, self.unsampled(0.0, whole), self.bounds, population, quantiles);
        let unsampled = self.unsampled(y / rows, whole).scaled(rows.recip());
        let mean = mean_interval(y / rows, &linear.mean, &sums.y, unsampled, self.bounds, population, quantiles);
        let unsampled = self.hidden_of_ratio(ratio).scaled(y.abs().recip());
        let ratio = smooth_interval(ratio, &linear.ratio, unsampled, ratio_cv, population, quantiles);
        [count, Some(sum), Some(mean), Some(ratio)]
    }
}

/// Takes the `count` rows out whose y lies farthest from its median.
fn take_farthest(strata: &mut [Vec<Row>], count: usize) -> Vec<Row> {
    let mut values: Vec<f64> = strata.iter().flatten().map(|row| row.y).collect();
    if count == 0 || values.len() <= count {
        return Vec::new();
    }
    let middle = values.len() / 2;
    let median = *values.select_nth_unstable_by(middle, f64::total_cmp).1;
    let distance = |row: &Row| (row.y - median).abs();
    let mut distances: Vec<f64> = strata.iter().flatten().map(distance).collect();
    let limit = *distances.select_nth_unstable_by(count, |a, b| b.total_cmp(a)).1;
    strata.iter_mut().flat_map(|rows| rows.extract_if(.., |row| distance(row) > limit)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "row counts")]
fn real(count: usize) -> f64 {
    count as f64
}
