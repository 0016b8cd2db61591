//! Bounds on the effect that rows outside a sample could have, from the ranges of the arguments in its strata.

use super::range::of_column;
use super::value_limits::{ValueLimits, meet};
use super::{ArgumentFacts, derived_range, range, uncast};
use arrow::array::{Array, Float64Array};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use plusminus_catalog::Manifest;
use plusminus_kernel::StrataView;
use plusminus_plan::{AggregateQuery, Argument};
use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{StratumSize, Unsampled, unsampled_weight_at};

/// Ranges of a query's arguments in sampled strata that may match, by class; the strata of a class have about the same weight.
#[derive(Debug, Default)]
pub(crate) struct UnsampledRows {
    /// Number of arguments.
    arguments: usize,
    /// The first class of each part, then the number of classes.
    starts: Vec<u32>,
    /// Number of sampled strata that may match in each part: 0, 1, or 2 for more.
    strata: Vec<u8>,
    /// The largest weight of an unsampled row of each class.
    weights: Vec<f64>,
    /// Ranges, classes × arguments, classes outermost; `None` where no row has a value.
    ranges: Vec<Option<ValueRange>>,
    /// Effects of a row relative to the mean of its stratum, for queries over whole strata: classes × arguments, classes outermost.
    whole: Vec<Unsampled>,
}

/// A function of one row's values whose sum over rows is estimated.
#[derive(Debug, Default)]
pub(crate) struct RowEffectForm {
    /// Slopes of counts.
    pub(crate) counts: Vec<f64>,
    pub(crate) sums: Vec<Term>,
    /// Pairs of arguments with the slope of their product, taken about their means; both arguments are terms in `sums`.
    pub(crate) products: Vec<(usize, usize, f64)>,
}

/// One argument of a [`RowEffectForm`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) argument: usize,
    pub(crate) slope: f64,
    /// Number that is subtracted from the values.
    pub(crate) mean: f64,
    /// Range of the values in the rows of the query, where known.
    pub(crate) limit: Option<ValueRange>,
}

impl RowEffectForm {
    /// Merges terms of the same argument, which may cancel each other.
    pub(crate) fn gather(&mut self) {
        let mut all: Vec<Term> = Vec::with_capacity(self.sums.len());
        for term in self.sums.drain(..) {
            match all.iter_mut().find(|known| known.argument == term.argument) {
                Some(known) => known.slope += term.slope,
                None => all.push(term),
            }
        }
        self.sums = all;
    }
}

/// Part of a stratum that the rows of a function's domains make up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    /// The whole stratum; with the mean of the linearised values where there is a single stratum.
    Whole(Option<f64>),
    /// A part of it, identical for all variables.
    OneDomain,
    /// Parts of it that differ between variables.
    Domains,
}

impl UnsampledRows {
    pub(crate) fn new(
        query: &AggregateQuery,
        view: &StrataView,
        sizes: &[StratumSize],
        manifest: &Manifest,
        known: &[ArgumentFacts],
        limits: Option<&ValueLimits>,
    ) -> Self {
        let cut = |name: &str| limits.and_then(|limits| limits.cuts.get(name)).copied().unwrap_or(ValueRange::ALL);
        let column = |name: String| ColumnRanges::new(cut(&name), name, query, view, manifest);
        let columns: Vec<ColumnRanges<'_>> = measures(query).into_iter().map(column).collect();
        let places = Places::of(view, sizes);
        let class_count = places.rates.len();
        let mut found = Self {
            arguments: query.arguments.len(),
            starts: places.starts,
            strata: places.strata,
            weights: places.rates.iter().map(|rate| unsampled_weight_at(*rate)).collect(),
            ranges: Vec::with_capacity(class_count * query.arguments.len()),
            whole: Vec::with_capacity(class_count * query.arguments.len()),
        };
        let bare: Vec<Option<usize>> =
            query.arguments.iter().map(|argument| column_of(argument, query, &columns)).collect();
        let width = columns.len();
        let mut hulls: Vec<Option<ValueRange>> = vec![None; class_count * width];
        let mut apart: Vec<ValueRange> = vec![ValueRange::of(0.0); class_count * width];
        for (stratum, class) in places.classes {
            for (at, column) in columns.iter().enumerate() {
                let Some(own) = column.at(stratum) else { continue };
                let (hull, apart) = (&mut hulls[class * width + at], &mut apart[class * width + at]);
                *hull = Some(hull.map_or(own, |hull| hull.hull(own)));
                *apart = apart.hull(column.beside_mean(stratum, own));
            }
        }
        for class in 0..class_count {
            let own = class * width..(class + 1) * width;
            found.add_ranges(query, &columns, (&hulls[own.clone()], &apart[own]), known, &bare);
        }
        found
    }

    /// Adds the arguments' ranges in the next class, as such and relative to stratum means, from the ranges of the columns.
    fn add_ranges(
        &mut self,
        query: &AggregateQuery,
        columns: &[ColumnRanges<'_>],
        (hulls, apart): (&[Option<ValueRange>], &[ValueRange]),
        known: &[ArgumentFacts],
        bare: &[Option<usize>],
    ) {
        let weight = self.weights[self.ranges.len() / self.arguments.max(1)];
        let first = self.ranges.len();
        for (number, argument) in query.arguments.iter().enumerate() {
            let own = match (argument, bare[number]) {
                (_, Some(column)) => hulls[column],
                (Argument::Plain(expr), None) => {
                    let at = |name: &str| columns.iter().position(|column| column.name == name);
                    let of = |name: &str| at(name).map_or(Some(ValueRange::ALL), |at| hulls[at]);
                    range(expr, &query.scan.projected_schema, &of)
                }
                (derived, None) => Some(derived_range(derived, |of| {
                    (self.ranges[first + of].unwrap_or(ValueRange::of(0.0)), known[of].mean)
                })),
            };
            self.ranges.push(own);
            let width = own.map_or(0.0, |range| range.high - range.low);
            let apart = bare[number].map_or(ValueRange { low: -width, high: width }, |column| apart[column]);
            self.whole.push(Unsampled::of(weight, apart));
        }
    }

    fn classes(&self, part: usize) -> std::ops::Range<usize> {
        self.starts[part] as usize..self.starts[part + 1] as usize
    }

    /// Whether a single sampled stratum could hold rows of the part.
    pub(crate) fn is_single(&self, part: usize) -> bool {
        self.strata[part] == 1
    }

    /// Effect of one unsampled row on a sum over whole strata; `mean` is that of the only stratum.
    pub(crate) fn whole(&self, part: usize, argument: usize, mean: Option<f64>) -> Unsampled {
        let of_class = |class: usize| match (mean, self.ranges[class * self.arguments + argument]) {
            (Some(mean), Some(range)) => Unsampled::of(self.weights[class], range.plus(ValueRange::of(-mean))),
            _ => self.whole[class * self.arguments + argument],
        };
        self.classes(part).map(of_class).fold(Unsampled::default(), Unsampled::or_larger)
    }

    /// Effect of one unsampled row on a sum of values less `centre` over part of the strata; the values lie within `limit`.
    pub(crate) fn partial(&self, part: usize, argument: usize, centre: f64, limit: Option<ValueRange>) -> Unsampled {
        let of_class = |class: usize| {
            let range = self.within(class, argument, limit);
            range.map_or_else(Unsampled::default, |range| {
                Unsampled::of(self.weights[class], range.plus(ValueRange::of(-centre)))
            })
        };
        self.classes(part).map(of_class).fold(Unsampled::default(), Unsampled::or_larger)
    }

    /// The values of an argument in a class, within a limit; `None` where there are none.
    fn within(&self, class: usize, argument: usize, limit: Option<ValueRange>) -> Option<ValueRange> {
        let own = self.ranges[class * self.arguments + argument]?;
        let both = limit.map_or(own, |limit| meet(own, limit));
        (both.low <= both.high).then_some(both)
    }

    /// Effect of one unsampled row on the sum of a function of its values.
    pub(crate) fn linear(&self, part: usize, form: &RowEffectForm, extent: Extent) -> Unsampled {
        let zero = ValueRange::of(0.0);
        let of_term = |class: usize, term: &Term| {
            let range = self.within(class, term.argument, term.limit);
            range.map_or(zero, |range| range.plus(ValueRange::of(-term.mean)))
        };
        let of_class = |class: usize| {
            let values = |argument: usize| {
                let term = form.sums.iter().find(|term| term.argument == argument);
                term.map_or(ValueRange::ALL, |term| of_term(class, term))
            };
            let counts = form.counts.iter().map(|slope| ValueRange::of(*slope));
            let sums = form.sums.iter().map(|term| of_term(class, term).times(ValueRange::of(term.slope)));
            let products = form.products.iter().map(|(one, other, slope)| {
                let product = match one == other {
                    true => values(*one).abs().times(values(*one).abs()),
                    false => values(*one).times(values(*other)),
                };
                product.times(ValueRange::of(*slope))
            });
            let own = |own: ValueRange| if extent == Extent::Domains { own.hull(zero) } else { own };
            let all = counts.chain(sums).chain(products).map(own).fold(zero, ValueRange::plus);
            let width = all.high - all.low;
            let effect = match extent {
                Extent::Whole(Some(mean)) => all.plus(ValueRange::of(-mean)),
                Extent::Whole(None) => ValueRange { low: -width, high: width },
                Extent::OneDomain | Extent::Domains => all,
            };
            Unsampled::of(self.weights[class], effect)
        };
        self.classes(part).map(of_class).fold(Unsampled::default(), Unsampled::or_larger)
    }

    /// Bytes held on the heap.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.starts.as_slice())
            + self.strata.len()
            + size_of_val(self.weights.as_slice())
            + size_of_val(self.ranges.as_slice())
            + size_of_val(self.whole.as_slice())
    }
}

/// The class of each sampled stratum that may match.
struct Places {
    starts: Vec<u32>,
    strata: Vec<u8>,
    /// Pairs of stratum and class.
    classes: Vec<(usize, usize)>,
    /// The smallest sampled share in each class.
    rates: Vec<f64>,
}

impl Places {
    fn of(view: &StrataView, sizes: &[StratumSize]) -> Self {
        let is_open = |(stratum, size): &(u32, &StratumSize)| view.is_matching(*stratum) && !size.is_exact();
        let open = (0_u32..).zip(sizes).filter(is_open);
        let mut open: Vec<(u32, u32)> = open.map(|(stratum, _)| (view.part_of[stratum as usize], stratum)).collect();
        // Strata are in the order of their values, and therefore mostly in the order of parts.
        if !open.is_sorted_by_key(|(part, _)| *part) {
            open.sort_by_key(|(part, _)| *part);
        }
        let mut found = Self {
            starts: Vec::with_capacity(view.parts + 1),
            strata: vec![0; view.parts],
            classes: Vec::with_capacity(open.len()),
            rates: Vec::new(),
        };
        let mut octaves: Vec<u64> = Vec::new();
        let mut first = 0;
        for (part, stratum) in open {
            let part = part as usize;
            if found.starts.len() <= part {
                first = octaves.len();
                found.starts.resize(part + 1, as_u32(first));
            }
            found.strata[part] = (found.strata[part] + 1).min(2);
            let rate = sizes[stratum as usize].rate();
            // The exponent and the first two binary digits of the mantissa: quarters of an octave.
            let octave = rate.to_bits() >> MANTISSA_LEFT;
            let class = match octaves[first..].iter().position(|known| *known == octave) {
                Some(at) => first + at,
                None => {
                    octaves.push(octave);
                    found.rates.push(rate);
                    octaves.len() - 1
                }
            };
            found.rates[class] = found.rates[class].min(rate);
            found.classes.push((stratum as usize, class));
        }
        found.starts.resize(view.parts + 1, as_u32(octaves.len()));
        found
    }
}

/// Low bits of a double that do not distinguish classes of weight.
const MANTISSA_LEFT: u32 = 50;

/// Converts a number of classes, which are fewer than strata.
fn as_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The columns in arguments that are added up, each once.
pub(crate) fn measures(query: &AggregateQuery) -> Vec<String> {
    let added = query.arguments.iter().enumerate().filter(|(number, _)| query.is_added(*number));
    let mut names: Vec<String> = Vec::new();
    for column in added.filter_map(|(_, argument)| argument.plain()).flat_map(Expr::column_refs) {
        if !names.contains(&column.name) {
            names.push(column.name.clone());
        }
    }
    names
}

/// The column that an argument is, apart from widening casts.
fn column_of(argument: &Argument, query: &AggregateQuery, columns: &[ColumnRanges<'_>]) -> Option<usize> {
    match uncast(argument.plain()?, &query.scan.projected_schema) {
        Expr::Column(column) => columns.iter().position(|known| known.name == column.name),
        _ => None,
    }
}

/// The ranges of a column by stratum.
struct ColumnRanges<'a> {
    name: String,
    table: ValueRange,
    /// Values that pass WHERE.
    cut: ValueRange,
    min: Option<&'a Float64Array>,
    max: Option<&'a Float64Array>,
    mean: Option<&'a Float64Array>,
    /// Number of rows that are not NULL, by stratum.
    values: &'a [u64],
}

impl<'a> ColumnRanges<'a> {
    fn new(cut: ValueRange, name: String, query: &AggregateQuery, view: &'a StrataView, manifest: &Manifest) -> Self {
        let strata = &view.strata;
        let table = of_column(&name, manifest, strata);
        let field = query.scan.projected_schema.as_arrow().field_with_name(&name);
        let is_number = field.is_ok_and(|field| field.data_type().is_numeric());
        // For values that are not finite the strata know as little as the table, and values of other columns give nothing.
        let cut = if table == ValueRange::ALL { ValueRange::ALL } else { cut };
        let ends = |is_max| strata.extremes(&name, is_max).filter(|_| table != ValueRange::ALL);
        Self {
            cut: if is_number {
                query.predicates.iter().fold(cut, |cut, part| meet(cut, allowed(part, &name)))
            } else {
                cut
            },
            min: ends(false),
            max: ends(true),
            mean: strata.means(&name),
            values: strata.non_null(&name).unwrap_or(strata.rows()),
            table,
            name,
        }
    }

    fn known(&self, stratum: usize) -> Option<(f64, f64)> {
        let (min, max) = (self.min?, self.max?);
        (min.is_valid(stratum) && max.is_valid(stratum)).then(|| (min.value(stratum), max.value(stratum)))
    }

    /// The values in a stratum; `None` when no row has one.
    fn at(&self, stratum: usize) -> Option<ValueRange> {
        if self.values[stratum] == 0 {
            return None;
        }
        let own = self.known(stratum).map_or(self.table, |(min, max)| ValueRange::new(min, max));
        let cut = meet(own, self.cut);
        (cut.low <= cut.high).then_some(cut)
    }

    /// A range relative to the mean of the stratum; as wide as possible where the mean is not known.
    fn beside_mean(&self, stratum: usize, range: ValueRange) -> ValueRange {
        match self.mean.filter(|means| means.is_valid(stratum)) {
            Some(means) => range.plus(ValueRange::of(-means.value(stratum))),
            None => ValueRange { low: range.low - range.high, high: range.high - range.low },
        }
    }
}

/// The values of a column that a conjunct of WHERE lets pass.
fn allowed(condition: &Expr, column: &str) -> ValueRange {
    let is_column = |expr: &Expr| matches!(expr, Expr::Column(found) if found.name == column);
    // Texts are ordered differently from the numbers that they spell.
    let number = |expr: &Expr| match expr {
        Expr::Literal(value, _) if value.data_type().is_numeric() => {
            super::constant(value).filter(|number| number.is_finite())
        }
        _ => None,
    };
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, limit) = match (number(left), number(right)) {
                (None, Some(limit)) if is_column(left) => (Some(*op), limit),
                (Some(limit), None) if is_column(right) => (op.swap(), limit),
                _ => return ValueRange::ALL,
            };
            match op {
                Some(Operator::Lt | Operator::LtEq) => ValueRange { low: f64::NEG_INFINITY, high: limit },
                Some(Operator::Gt | Operator::GtEq) => ValueRange { low: limit, high: f64::INFINITY },
                Some(Operator::Eq) => ValueRange::of(limit),
                _ => ValueRange::ALL,
            }
        }
        Expr::Between(between) if !between.negated && is_column(&between.expr) => {
            match (number(&between.low), number(&between.high)) {
                (Some(low), Some(high)) => ValueRange { low, high },
                _ => ValueRange::ALL,
            }
        }
        _ => ValueRange::ALL,
    }
}
