//! HyperLogLog (Flajolet, Fusy, Gandouet and Meunier 2007) with Ertl's estimator (*New cardinality estimation algorithms
//! for HyperLogLog sketches*, arXiv:1702.01284, algorithm 6), which needs no corrections at either end.

/// Bits of a hash that choose a register.
const INDEX_BITS: u32 = 14;
const REGISTERS: usize = 1 << INDEX_BITS;
/// The largest value of a register.
const RANK_MAX: usize = 64 - INDEX_BITS as usize + 1;

/// The relative standard error of a count, 1.04/√2¹⁴.
pub(crate) const SKETCH_ERROR: f64 = 1.04 / 128.0;

/// The registers of one column.
#[derive(Debug, Clone)]
pub(crate) struct Sketch {
    registers: Box<[u8; REGISTERS]>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { registers: Box::new([0; REGISTERS]) }
    }
}

impl Sketch {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "14 bits of index, and a rank of at most 51")]
    pub(crate) fn add(&mut self, hash: u64) {
        let index = (hash >> (64 - INDEX_BITS)) as usize;
        let rank = ((hash << INDEX_BITS) | (1 << (INDEX_BITS - 1))).leading_zeros() as u8 + 1;
        let register = &mut self.registers[index];
        if rank > *register {
            *register = rank;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (register, other) in self.registers.iter_mut().zip(other.registers.iter()) {
            *register = (*register).max(*other);
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded count, saturating")]
    pub(crate) fn count(&self) -> u64 {
        let mut counts = [0.0_f64; RANK_MAX + 1];
        self.registers.iter().for_each(|rank| counts[usize::from(*rank).min(RANK_MAX)] += 1.0);
        let m = f64::from(1_u32 << INDEX_BITS);
        let top = m * tau(1.0 - counts[RANK_MAX] / m);
        let z = counts[1..RANK_MAX].iter().rev().fold(top, |z, count| 0.5 * (z + count));
        (m * m / (2.0 * std::f64::consts::LN_2 * (z + m * sigma(counts[0] / m)))).round() as u64
    }
}

/// `x + Σ x^(2^k) 2^(k−1)`, infinite at 1.
fn sigma(x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut weight, mut sum) = (x, 1.0, x);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

/// `(1 − x − Σ (1 − x^(2^−k))² 2^(−k)) / 3`.
fn tau(x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut root, mut weight, mut sum) = (x, 1.0, 1.0 - x);
    loop {
        root = root.sqrt();
        weight *= 0.5;
        let before = sum;
        sum -= (1.0 - root).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}
