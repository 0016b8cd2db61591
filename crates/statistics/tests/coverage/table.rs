use plusminus_statistics::{Cell, Population, StratumSize, Total};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::draws::{Values, shuffle_first};

/// A row of a table with two columns.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) inside: bool,
}

/// How a table is made and sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Design {
    /// One stratum of 50 n rows, or else 16 strata of 60 to 6,000.
    pub(crate) single: bool,
    pub(crate) cap: usize,
    pub(crate) share: f64,
    /// Standard deviation of the logarithm of the strata's scale, and of their shift.
    pub(crate) scale: f64,
    pub(crate) shift: f64,
}

impl Design {
    pub(crate) fn single(n: usize) -> Self {
        Self { single: true, cap: n, share: 1.0, scale: 0.0, shift: 0.0 }
    }

    pub(crate) fn strata(cap: usize, share: f64, scale: f64, shift: f64) -> Self {
        Self { single: false, cap, share, scale, shift }
    }

    /// `pair` draws x and y; both get the scale of their stratum, and shifts of their own.
    pub(crate) fn table(&self, rng: &mut ChaCha8Rng, pair: impl Fn(&mut ChaCha8Rng) -> (f64, f64)) -> Table {
        let sizes: Vec<usize> = if self.single {
            vec![50 * self.cap]
        } else {
            (0..16).map(|h| (60.0 * 100.0_f64.powf(f64::from(h) / 15.0)).round() as usize).collect()
        };
        let standard = |rng: &mut ChaCha8Rng| Values::Normal.draw(rng) - 3.0;
        let strata = sizes.into_iter().map(|rows| {
            let scale = (self.scale * standard(rng)).exp();
            let (right, up) = (self.shift * standard(rng), self.shift * standard(rng));
            let row = |_| {
                let (x, y) = pair(rng);
                Point { x: right + scale * x, y: up + scale * y, inside: rng.random::<f64>() < self.share }
            };
            (0..rows).map(row).collect()
        });
        Table { strata: strata.collect(), cap: self.cap }
    }
}

/// Strata of rows.
pub(crate) struct Table {
    pub(crate) strata: Vec<Vec<Point>>,
    cap: usize,
}

impl Table {
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Point> + Clone {
        self.strata.iter().flatten()
    }

    pub(crate) fn inside(&self) -> impl Iterator<Item = &Point> + Clone {
        self.rows().filter(|row| row.inside)
    }

    /// Moves a random sample to the front of each stratum.
    pub(crate) fn draw(&mut self, rng: &mut ChaCha8Rng) -> Sample<'_> {
        let mut sample = Sample { strata: Vec::new(), population: Population::default() };
        for rows in &mut self.strata {
            let n = self.cap.min(rows.len());
            shuffle_first(rows, n, rng);
            let size = StratumSize::new(rows.len() as u64, n as u64);
            sample.population.add(size);
            sample.strata.push((size, &rows[..n]));
        }
        sample
    }
}

/// The sampled rows.
pub(crate) struct Sample<'a> {
    pub(crate) strata: Vec<(StratumSize, &'a [Point])>,
    pub(crate) population: Population,
}

impl Sample<'_> {
    /// Rows inside the domain with their weights.
    pub(crate) fn weighted(&self) -> impl Iterator<Item = (f64, &Point)> {
        let rows = self.strata.iter().flat_map(|(size, rows)| rows.iter().map(|row| (size.weight(), row)));
        rows.filter(|(_, row)| row.inside)
    }

    /// The estimated total of `value` over the domain.
    pub(crate) fn sum(&self, value: impl Fn(&Point) -> f64) -> f64 {
        self.weighted().map(|(weight, row)| weight * value(row)).sum()
    }

    /// The total of residuals.
    pub(crate) fn residuals(&self, value: impl Fn(&Point) -> f64) -> Total {
        let mut total = Total::default();
        for (size, rows) in &self.strata {
            let mut cell = Cell::default();
            rows.iter().filter(|row| row.inside).for_each(|row| cell.add(value(row)));
            total.fold_domain(*size, 0.0, &cell);
        }
        total
    }
}
