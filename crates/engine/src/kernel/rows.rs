/// What the rows of one level evaluated to, those that pass WHERE, sorted by stratum.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) strata: Vec<u32>,
    pub(crate) groups: Vec<u32>,
    /// Priority ranks within the strata, where replicates need them.
    pub(crate) ranks: Vec<u32>,
    /// For each domain, which rows are in it; `None` when all are.
    pub(crate) domains: Vec<Option<Vec<bool>>>,
    /// For each argument its values; anything where it is NULL.
    pub(crate) arguments: Vec<Vec<f64>>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.strata.len()
    }

    /// The end of the run of one stratum that starts at `from`.
    #[inline]
    pub(crate) fn run_end(&self, from: usize) -> usize {
        let stratum = self.strata[from];
        from + self.strata[from..].iter().take_while(|s| **s == stratum).count()
    }
}
