use super::domains::Domain;
use plusminus_plan::Variable;
use plusminus_statistics::Cell;

/// Bytes that stay in the cache: half of what a core's second-level cache holds on most machines.
const CACHE_BYTES: usize = 512 << 10;

/// Whether so many cells stay in the cache of a core.
pub(crate) fn fits_cache(cells: usize) -> bool {
    cells * size_of::<Cell>() <= CACHE_BYTES
}

/// Cells of the current stratum, one row of `width` cells per group, and the groups touched in it.
pub(crate) struct Scratch {
    /// Cells per group: the number of variables.
    pub width: usize,
    /// The cells: groups × width, groups outermost.
    pub cells: Vec<Cell>,
    touched: Vec<u32>,
    stamp: Vec<u32>,
    now: u32,
    /// Places of counts, each with the place of a sum over the same rows, whose cell has the count.
    counts: Vec<(usize, usize)>,
    /// The cells of the key whose rows are being added, where keys were drawn.
    pub unit: Option<Box<Self>>,
}

impl Scratch {
    /// A scratch without room for any group.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            cells: Vec::new(),
            touched: Vec::new(),
            stamp: Vec::new(),
            now: 1,
            counts: Vec::new(),
            unit: None,
        }
    }

    /// A scratch with a place per variable, without room for any group.
    pub(crate) fn of_variables(variables: &[Variable]) -> Self {
        let counts = Domain::all(variables).iter().flat_map(Domain::counts_beside_sums).collect();
        Self { counts, ..Self::new(variables.len()) }
    }

    /// A scratch with `width` places for values of whole keys, without room for any group.
    pub(crate) fn of_units(width: usize) -> Self {
        Self { unit: Some(Box::new(Self::new(width))), ..Self::new(width) }
    }

    /// Whether cells at this place follow from those of a sum, so that rows need not be added to them.
    pub(crate) fn follows_from_sum(&self, at: usize) -> bool {
        self.counts.iter().any(|(count, _)| *count == at)
    }

    /// Makes room for further groups.
    pub(crate) fn grow(&mut self, groups: usize) {
        if groups > self.stamp.len() {
            self.cells.resize(groups * self.width, Cell::default());
            self.stamp.resize(groups, 0);
        }
        if let Some(unit) = &mut self.unit {
            unit.grow(groups);
        }
    }

    /// Whether the cells stay in the cache of a core while rows are added.
    pub(crate) fn fits_cache(&self) -> bool {
        fits_cache(self.cells.len())
    }

    /// The number of groups that have rows in the current stratum.
    pub(crate) fn groups_touched(&self) -> usize {
        self.touched.len()
    }

    /// The cells of one group.
    #[inline]
    pub(crate) fn of(&mut self, group: u32) -> &mut [Cell] {
        let start = group as usize * self.width;
        &mut self.cells[start..start + self.width]
    }

    #[inline]
    pub(crate) fn touch(&mut self, group: u32) {
        let stamp = &mut self.stamp[group as usize];
        if *stamp != self.now {
            *stamp = self.now;
            self.touched.push(group);
        }
    }

    /// Hands the cells of every touched group to `take(group, cells)`, empties them, and begins the next stratum.
    pub(crate) fn flush(&mut self, mut take: impl FnMut(u32, &[Cell])) {
        for group in self.touched.drain(..) {
            let start = group as usize * self.width;
            let own = &mut self.cells[start..start + self.width];
            for (count, sum) in &self.counts {
                own[*count] = Cell::of_count(own[*sum].count);
            }
            take(group, own);
            own.iter_mut().for_each(Cell::clear);
        }
        self.now += 1;
    }

    /// Takes out the cells of the current stratum, to which other rows of that stratum have to be added.
    pub(crate) fn take_open(&mut self) -> BoundaryCells {
        let mut open = BoundaryCells::default();
        self.flush(|group, cells| {
            open.groups.push(group);
            open.cells.extend_from_slice(cells);
        });
        open
    }

    /// Adds cells of the current stratum.
    pub(crate) fn merge(&mut self, open: &BoundaryCells) {
        for (at, group) in open.groups.iter().enumerate() {
            self.touch(*group);
            let start = *group as usize * self.width;
            let own = &mut self.cells[start..start + self.width];
            own.iter_mut().zip(&open.cells[at * self.width..]).for_each(|(own, cell)| own.merge(cell));
        }
    }
}

/// The cells of one stratum that two halves of a walk share.
#[derive(Default)]
pub(crate) struct BoundaryCells {
    groups: Vec<u32>,
    /// The cells: groups × places, groups outermost.
    cells: Vec<Cell>,
}
