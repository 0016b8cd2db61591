//! What rows that a sample did not show could change, from the ranges of the arguments in its strata.

use super::limits::meet;
use super::{ArgumentKnowledge, Limits, derived_range, of_column, range, uncast};
use crate::kernel::StrataView;
use crate::shape::{Argument, Shape};
use arrow::array::{Array, Float64Array};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use plusminus_catalog::Manifest;
use plusminus_statistics::expression::ValueRange;
use plusminus_statistics::{Hidden, StratumSize, hiding_weight};

/// Classes of weight in an octave: within one the heaviest stands for all.
const CLASSES_PER_OCTAVE: f64 = 4.0;

/// The ranges of a query's arguments in the sampled strata that could hold a row, those of about the same weight together.
#[derive(Debug, Default)]
pub(crate) struct Unseen {
    arguments: usize,
    /// The first class of each part, and at last the number of classes.
    starts: Vec<u32>,
    /// The sampled strata of each part, as far as they matter: 0, 1 or 2 for more.
    strata: Vec<u8>,
    /// The largest hiding weight of each class.
    weights: Vec<f64>,
    /// By class and argument; `None` where no row has a value.
    ranges: Vec<Option<ValueRange>>,
    /// By class and argument, where whole strata are asked for: the effect of a row beside the mean of its stratum.
    whole: Vec<Hidden>,
}

/// A function of one row's values whose sum over rows is estimated.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// Slopes on counts.
    pub(crate) counts: Vec<f64>,
    pub(crate) sums: Vec<Term>,
    /// Slopes on products of two arguments less their means, which are those of terms in `sums`.
    pub(crate) products: Vec<(usize, usize, f64)>,
}

/// One argument of a [`Form`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) argument: usize,
    pub(crate) slope: f64,
    /// What is taken off the values.
    pub(crate) mean: f64,
    /// Where the values lie in the rows that are asked for.
    pub(crate) limit: Option<ValueRange>,
}

impl Form {
    /// Adds terms of the same argument up, which may cancel each other.
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

/// How much of a stratum the rows of a function's domains are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Extent {
    /// All of it; with the mean of the linearised values, where there is one stratum alone.
    Whole(Option<f64>),
    /// A part of it, the same for all variables.
    OneDomain,
    /// Parts of it that differ from one variable to another.
    Domains,
}

impl Unseen {
    pub(crate) fn new(
        shape: &Shape,
        view: &StrataView,
        sizes: &[StratumSize],
        manifest: &Manifest,
        known: &[ArgumentKnowledge],
        limits: Option<&Limits>,
    ) -> Self {
        let cut = |name: &str| limits.and_then(|limits| limits.cuts.get(name)).copied().unwrap_or(ValueRange::ALL);
        let column = |name: String| ColumnRanges::new(cut(&name), name, shape, view, manifest);
        let columns: Vec<ColumnRanges<'_>> = measures(shape).into_iter().map(column).collect();
        let (places, class_count) = Places::of(view, sizes);
        let mut found = Self {
            arguments: shape.arguments.len(),
            starts: places.starts,
            strata: places.strata,
            weights: vec![0.0; class_count],
            ranges: Vec::new(),
            whole: vec![Hidden::default(); class_count * shape.arguments.len()],
        };
        let bare: Vec<Option<usize>> =
            shape.arguments.iter().map(|argument| column_of(argument, shape, &columns)).collect();
        let mut hulls: Vec<Option<ValueRange>> = vec![None; class_count * columns.len()];
        for (stratum, class) in places.classes {
            let weight = hiding_weight(sizes[stratum]);
            found.weights[class] = found.weights[class].max(weight);
            for (at, column) in columns.iter().enumerate() {
                let hull = &mut hulls[class * columns.len() + at];
                let own = column.at(stratum);
                *hull = hull.map_or(own, |hull| Some(own.map_or(hull, |own| hull.hull(own))));
            }
            for (argument, column) in bare.iter().enumerate() {
                let Some(column) = column else { continue };
                let effect = &mut found.whole[class * shape.arguments.len() + argument];
                *effect = effect.or_larger(columns[*column].beside_mean(stratum, weight));
            }
        }
        for class in 0..class_count {
            let own = &hulls[class * columns.len()..(class + 1) * columns.len()];
            found.add_ranges(class, shape, &columns, own, known, &bare);
        }
        found
    }

    /// The arguments' ranges from those of the columns in a class.
    fn add_ranges(
        &mut self,
        class: usize,
        shape: &Shape,
        columns: &[ColumnRanges<'_>],
        hulls: &[Option<ValueRange>],
        known: &[ArgumentKnowledge],
        bare: &[Option<usize>],
    ) {
        let first = self.ranges.len();
        for (number, argument) in shape.arguments.iter().enumerate() {
            let own = match (argument, bare[number]) {
                (_, Some(column)) => hulls[column],
                (Argument::Plain(expr), None) => {
                    let at = |name: &str| columns.iter().position(|column| column.name == name);
                    let is_empty = expr.column_refs().iter().any(|c| at(&c.name).is_some_and(|at| hulls[at].is_none()));
                    let of = |name: &str| at(name).and_then(|at| hulls[at]).unwrap_or(ValueRange::ALL);
                    (!is_empty).then(|| range(expr, &shape.scan.projected_schema, &of))
                }
                (derived, None) => Some(derived_range(derived, |of| {
                    (self.ranges[first + of].unwrap_or(ValueRange::of(0.0)), known[of].mean)
                })),
            };
            self.ranges.push(own);
            if bare[number].is_none() {
                let width = own.map_or(0.0, |range| range.high - range.low);
                self.whole[class * self.arguments + number] =
                    Hidden::of(self.weights[class], ValueRange { low: -width, high: width });
            }
        }
    }

    fn classes(&self, part: usize) -> std::ops::Range<usize> {
        self.starts[part] as usize..self.starts[part + 1] as usize
    }

    /// Whether one sampled stratum alone could hold a row of the part.
    pub(crate) fn is_single(&self, part: usize) -> bool {
        self.strata[part] == 1
    }

    /// What one row could change of a sum over whole strata; `mean` is that of the only stratum.
    pub(crate) fn whole(&self, part: usize, argument: usize, mean: Option<f64>) -> Hidden {
        let of_class = |class: usize| match (mean, self.ranges[class * self.arguments + argument]) {
            (Some(mean), Some(range)) => Hidden::of(self.weights[class], range.plus(ValueRange::of(-mean))),
            _ => self.whole[class * self.arguments + argument],
        };
        self.classes(part).map(of_class).fold(Hidden::default(), Hidden::or_larger)
    }

    /// What one row could change of a sum of values less `centre` over a part of the strata; the values lie within `limit`.
    pub(crate) fn partial(&self, part: usize, argument: usize, centre: f64, limit: Option<ValueRange>) -> Hidden {
        let of_class = |class: usize| {
            let range = self.within(class, argument, limit);
            range.map_or_else(Hidden::default, |range| {
                Hidden::of(self.weights[class], range.plus(ValueRange::of(-centre)))
            })
        };
        self.classes(part).map(of_class).fold(Hidden::default(), Hidden::or_larger)
    }

    /// The values of an argument in a class, within a limit; `None` where there is none.
    fn within(&self, class: usize, argument: usize, limit: Option<ValueRange>) -> Option<ValueRange> {
        let own = self.ranges[class * self.arguments + argument]?;
        let both = limit.map_or(own, |limit| meet(own, limit));
        (both.low <= both.high).then_some(both)
    }

    /// What one row could change of the sum of a function of its values.
    pub(crate) fn linear(&self, part: usize, form: &Form, extent: Extent) -> Hidden {
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
            Hidden::of(self.weights[class], effect)
        };
        self.classes(part).map(of_class).fold(Hidden::default(), Hidden::or_larger)
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.starts.as_slice())
            + self.strata.len()
            + size_of_val(self.weights.as_slice())
            + size_of_val(self.ranges.as_slice())
            + size_of_val(self.whole.as_slice())
    }
}

/// Which class each sampled stratum belongs to that could hold a row.
struct Places {
    starts: Vec<u32>,
    strata: Vec<u8>,
    /// Stratum and class.
    classes: Vec<(usize, usize)>,
}

impl Places {
    fn of(view: &StrataView, sizes: &[StratumSize]) -> (Self, usize) {
        let mut sorted: Vec<(u32, i32, u32)> = Vec::new();
        let mut strata = vec![0_u8; view.parts];
        for (stratum, size) in (0_u32..).zip(sizes) {
            if !view.is_alive(stratum) || size.is_exact() {
                continue;
            }
            let part = view.part_of[stratum as usize];
            let count = &mut strata[part as usize];
            *count = (*count + 1).min(2);
            sorted.push((part, octave(hiding_weight(*size)), stratum));
        }
        sorted.sort_unstable();
        let mut starts = Vec::with_capacity(view.parts + 1);
        let mut classes = Vec::with_capacity(sorted.len());
        let (mut count, mut last) = (0_u32, None);
        for (part, octave, stratum) in sorted {
            if last != Some((part, octave)) {
                starts.resize(part as usize + 1, count);
                count += 1;
                last = Some((part, octave));
            }
            classes.push((stratum as usize, count as usize - 1));
        }
        starts.resize(view.parts + 1, count);
        (Self { starts, strata, classes }, count as usize)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "logarithms of weights are small; infinite ones saturate")]
fn octave(weight: f64) -> i32 {
    (CLASSES_PER_OCTAVE * weight.log2()).floor() as i32
}

/// The columns in the arguments that are added up.
pub(crate) fn measures(shape: &Shape) -> Vec<String> {
    let added = shape.arguments.iter().enumerate().filter(|(number, _)| shape.is_added(*number));
    let mut names: Vec<String> = Vec::new();
    for column in added.filter_map(|(_, argument)| argument.plain()).flat_map(Expr::column_refs) {
        if !names.contains(&column.name) {
            names.push(column.name.clone());
        }
    }
    names
}

/// The column that an argument is, up to its type.
fn column_of(argument: &Argument, shape: &Shape, columns: &[ColumnRanges<'_>]) -> Option<usize> {
    match uncast(argument.plain()?, &shape.scan.projected_schema) {
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
    /// Values that are not NULL, by stratum.
    values: &'a [u64],
}

impl<'a> ColumnRanges<'a> {
    fn new(cut: ValueRange, name: String, shape: &Shape, view: &'a StrataView, manifest: &Manifest) -> Self {
        let strata = &view.strata;
        let table = of_column(&name, manifest, strata);
        // Of values that are no finite numbers the strata know as little as the table.
        let ends = |is_max| strata.extremes(&name, is_max).filter(|_| table != ValueRange::ALL);
        Self {
            cut: shape.predicates.iter().fold(cut, |cut, part| meet(cut, allowed(part, &name))),
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

    /// The effect of a row beside the mean of its stratum, or of as much as the range allows where that is not known.
    fn beside_mean(&self, stratum: usize, weight: f64) -> Hidden {
        let Some(range) = self.at(stratum) else { return Hidden::default() };
        let mean = self.mean.filter(|means| means.is_valid(stratum)).map(|means| means.value(stratum));
        let width = range.high - range.low;
        Hidden::of(
            weight,
            match mean {
                Some(mean) => range.plus(ValueRange::of(-mean)),
                None => ValueRange { low: -width, high: width },
            },
        )
    }
}

/// The values of a column that a conjunct of WHERE lets pass.
fn allowed(condition: &Expr, column: &str) -> ValueRange {
    let is_column = |expr: &Expr| matches!(expr, Expr::Column(found) if found.name == column);
    let number = |expr: &Expr| match expr {
        Expr::Literal(value, _) => super::constant(value).filter(|number| number.is_finite()),
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
