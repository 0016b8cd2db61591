//! Tables in memory, of one stratum or several, and estimates from samples of them.

use crate::coverage::distributions::shuffle_first;
use crate::coverage::ideal::Part;
use plusminus_statistics::expression::Smooth;
use plusminus_statistics::{
    Cell, Estimate, Knowledge, Moments, Population, Quantiles, StratumSize, Total, count_interval, mean_interval,
    smooth_interval, sum_interval,
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
    /// Rows sampled of each stratum, at most.
    cap: usize,
    population: Population,
    knowledge: Knowledge,
    /// Skewness of x, for ratios.
    skewness_x: f64,
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
    pub(crate) fn new(strata: Vec<Vec<Row>>, cap: usize) -> Self {
        let (mut y, mut x) = (Moments::default(), Moments::default());
        let mut population = Population::default();
        for stratum in &strata {
            population.add(StratumSize::new(stratum.len() as u64, cap.min(stratum.len()) as u64));
            y.add_slice(&stratum.iter().map(|r| r.y).collect::<Vec<_>>());
            x.add_slice(&stratum.iter().map(|r| r.x).collect::<Vec<_>>());
        }
        let knowledge = Knowledge::from(&y);
        Self { strata, cap, population, knowledge, skewness_x: x.skewness().unwrap_or(0.0), shift: y.mean }
    }

    /// The strata as the ideal knows them.
    pub(crate) fn parts(&self, filter: usize) -> Vec<Part> {
        let share = FILTERS[filter].1;
        let part = |stratum: &Vec<Row>| {
            let mut part =
                Part { rows: real(stratum.len()), sampled: real(self.cap.min(stratum.len())), ..Part::default() };
            stratum.iter().filter(|r| r.place < share).for_each(|r| part.add(r.x, r.y));
            part
        };
        self.strata.iter().map(part).collect()
    }

    /// Draws a new sample.
    pub(crate) fn draw(&mut self, rng: &mut ChaCha8Rng) {
        for stratum in &mut self.strata {
            let n = self.cap.min(stratum.len());
            shuffle_first(stratum, n, rng);
        }
    }

    /// Adds two values of every sampled row to the cells of the filters it passes, stratum by stratum.
    fn walk(&self, values: impl Fn(usize, &Row) -> [f64; 2], mut fold: impl FnMut(usize, StratumSize, &[Cell; 2])) {
        for stratum in &self.strata {
            let n = self.cap.min(stratum.len());
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
        let rows_cv = sums.y.rows_variance.sqrt() / rows;
        let ratio = Smooth::Div(Box::new(Smooth::Input(0)), Box::new(Smooth::Input(1)));
        let ratio = ratio.evaluate(&[sums.x.estimate(), y]);
        let ratio_cv = sums.y.standard_error().unwrap_or(f64::INFINITY) / y.abs();
        let skewness = self.knowledge.skewness.unwrap_or(0.0);
        let gamma =
            [skewness, self.skewness_x].into_iter().fold(1.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let count = (!whole).then(|| count_interval(&sums.y, population, quantiles));
        let sum = sum_interval(&sums.y, whole, &self.knowledge, population, quantiles);
        let mean = mean_interval(y / rows, &linear.mean, &sums.y, rows_cv, &self.knowledge, population, quantiles);
        let ratio = smooth_interval(ratio, &linear.ratio, Some(gamma), ratio_cv, population, quantiles);
        [count, Some(sum), Some(mean), Some(ratio)]
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts")]
fn real(count: usize) -> f64 {
    count as f64
}
