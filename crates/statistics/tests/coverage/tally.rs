use plusminus_statistics::Estimate;

/// How often intervals held.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    draws: u32,
    hits: u32,
}

impl Tally {
    pub(crate) fn count(&mut self, hit: bool) {
        self.draws += 1;
        self.hits += u32::from(hit);
    }

    pub(crate) fn add(&mut self, estimate: &Estimate, truth: f64) {
        self.count(holds(estimate, truth));
    }

    pub(crate) fn draws(&self) -> u32 {
        self.draws
    }

    pub(crate) fn share(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.draws.max(1))
    }

    fn band(&self, share: f64) -> f64 {
        4.0 * (share * (1.0 - share) / f64::from(self.draws.max(1))).sqrt()
    }

    pub(crate) fn at_least(&self, what: &str, share: f64) {
        eprintln!("{what}: {:.1} % of {}", 100.0 * self.share(), self.draws);
        assert!(
            self.draws > 0 && self.share() >= share - self.band(share),
            "{what}: {:.2} % of {} instead of {:.1} %",
            100.0 * self.share(),
            self.draws,
            100.0 * share
        );
    }

    pub(crate) fn at_most(&self, what: &str, share: f64) {
        eprintln!("{what}: {:.1} % of {}", 100.0 * self.share(), self.draws);
        assert!(
            self.draws > 0 && self.share() <= share + self.band(share),
            "{what}: {:.2} % of {}, more than {:.1} %",
            100.0 * self.share(),
            self.draws,
            100.0 * share
        );
    }
}

/// The truth lies in the interval, up to rounding; an open end holds.
pub(crate) fn holds(estimate: &Estimate, truth: f64) -> bool {
    let slack = 1e-9 * truth.abs();
    estimate.lower.is_none_or(|lower| lower <= truth + slack)
        && estimate.upper.is_none_or(|upper| upper >= truth - slack)
}
