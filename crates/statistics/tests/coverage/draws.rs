use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{
    Cell, Estimate, Moments, Population, Quantiles, StratumSize, Total, Unsampled, count_interval, hall_union_t,
    mean_interval, sum_interval, unsampled_weight,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Values {
    Normal,
    Exponential,
    Lognormal(f64),
    Pareto(f64),
    MostlyZero,
    SignedLognormal(f64),
    Laplace,
    /// 1 with this probability, else 0.
    Flag(f64),
}

impl Values {
    pub(crate) fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        let uniform = 1.0 - rng.random::<f64>();
        match self {
            Self::Normal => 3.0 + normal(rng),
            Self::Exponential => -uniform.ln(),
            Self::Lognormal(sigma) => (sigma * normal(rng)).exp(),
            Self::Pareto(shape) => uniform.powf(-1.0 / shape),
            Self::MostlyZero => {
                if uniform < 0.9 {
                    0.0
                } else {
                    normal(rng).exp()
                }
            }
            Self::SignedLognormal(sigma) => (uniform - 0.5).signum() * (sigma * normal(rng)).exp(),
            Self::Flag(share) => f64::from(u8::from(uniform <= share)),
            Self::Laplace => (rng.random::<f64>() - 0.5).signum() * -uniform.ln(),
        }
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) y: f64,
    pub(crate) inside: bool,
}

/// A whole table: strata of rows, some of them inside the domain.
pub(crate) struct Table {
    strata: Vec<Vec<Row>>,
    /// The values of the column, over all rows and by stratum with the mean there.
    range: ValueRange,
    ranges: Vec<(ValueRange, f64)>,
    shift: f64,
    whole: bool,
    pub(crate) sum: f64,
    pub(crate) count: f64,
}

pub(crate) struct Answers {
    pub(crate) sum: Estimate,
    pub(crate) count: Estimate,
    pub(crate) mean: Estimate,
    /// Student's interval of the sum, for comparison.
    pub(crate) plain: (f64, f64),
    pub(crate) rows_cv: f64,
}

impl Table {
    pub(crate) fn new(strata: Vec<Vec<Row>>) -> Self {
        let mut moments = Moments::default();
        let (mut sum, mut count, mut whole) = (0.0, 0.0, true);
        for row in strata.iter().flatten() {
            moments.add(row.y);
            whole &= row.inside;
            if row.inside {
                sum += row.y;
                count += 1.0;
            }
        }
        let range = |moments: &Moments| ValueRange::new(moments.min, moments.max);
        let of_stratum = |rows: &Vec<Row>| {
            let mut own = Moments::default();
            rows.iter().for_each(|row| own.add(row.y));
            (range(&own), own.mean)
        };
        let ranges = strata.iter().map(of_stratum).collect();
        Self { strata, range: range(&moments), ranges, shift: moments.mean, whole, sum, count }
    }

    /// Effect of one row outside the sample on a sum of values less `centre`.
    fn unsampled(&self, sizes: &[StratumSize], centre: f64) -> Unsampled {
        let of_stratum = |(size, (range, mean)): (&StratumSize, &(ValueRange, f64))| {
            let centre = if self.whole { *mean } else { centre };
            Unsampled::of(unsampled_weight(*size), range.plus(ValueRange::of(-centre)))
        };
        sizes.iter().zip(&self.ranges).map(of_stratum).fold(Unsampled::default(), Unsampled::or_larger)
    }

    /// One stratum of which every row is inside.
    pub(crate) fn single(values: Values, rows: usize, rng: &mut ChaCha8Rng) -> Self {
        let row = |_| Row { y: values.draw(rng), inside: true };
        Self::new(vec![(0..rows).map(row).collect()])
    }

    /// Puts a random sample of `cap` rows first in each stratum and answers from it.
    pub(crate) fn draw(&mut self, cap: usize, rng: &mut ChaCha8Rng, q: &Quantiles) -> Answers {
        let (mut domain, mut population) = (Total::default(), Population::default());
        let mut sizes = Vec::new();
        for rows in &mut self.strata {
            let n = cap.min(rows.len());
            shuffle_first(rows, n, rng);
            let size = StratumSize::new(rows.len() as u64, n as u64);
            domain.fold(size, self.shift, &cell(&rows[..n], |y| y - self.shift));
            population.add(size);
            sizes.push(size);
        }
        let (mean, rows) = (domain.estimate() / domain.count_estimate(), domain.count_estimate());
        let mut z = Total::default();
        for (size, stratum) in sizes.iter().zip(&self.strata) {
            let n = cap.min(stratum.len());
            z.fold_domain(*size, 0.0, &cell(&stratum[..n], |y| (y - mean) / rows));
        }
        let variance = domain.variance().unwrap_or(f64::NAN);
        let rows_cv = domain.rows_variance.sqrt() / rows;
        let (of_sum, of_mean) = (self.unsampled(&sizes, 0.0), self.unsampled(&sizes, mean).scaled(rows.recip()));
        Answers {
            sum: sum_interval(&domain, self.whole, of_sum, self.range, &population, q),
            count: count_interval(&domain, &population, q),
            mean: mean_interval(mean, &z, &domain, of_mean, self.range, &population, q),
            plain: hall_union_t(domain.estimate(), variance, domain.degrees(), 0.0, q),
            rows_cv,
        }
    }

    pub(crate) fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

fn cell(rows: &[Row], value: impl Fn(f64) -> f64) -> Cell {
    let mut cell = Cell::default();
    for row in rows.iter().filter(|row| row.inside) {
        cell.add(value(row.y));
    }
    cell
}

/// The first `n` elements become a simple random sample of all.
pub(crate) fn shuffle_first<T>(rows: &mut [T], n: usize, rng: &mut ChaCha8Rng) {
    for i in 0..n {
        let j = rng.random_range(i..rows.len());
        rows.swap(i, j);
    }
}
