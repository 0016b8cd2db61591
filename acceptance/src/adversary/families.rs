//! Families of adversarial data: the tables, their samples and the questions asked of them.

use super::tables::{Columns, between, chance, floats, gauss, lognormal, numbers, texts, whole};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Tables of one kind, samples of them, and what is asked.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) table: fn(&mut ChaCha8Rng) -> Columns,
    /// Sample designs: a name, and the clauses of CREATE SAMPLE after the table.
    pub(crate) designs: Vec<(&'static str, &'static str)>,
    pub(crate) questions: Vec<Question>,
}

/// One aggregate: its name, a query whose first column is a key and whose `v` is the number, and a bound in percent (0 for none).
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    pub(crate) percent: f64,
}

impl Question {
    pub(crate) fn bound(&self) -> Option<String> {
        (self.percent > 0.0).then(|| format!("ERROR WITHIN {}% ON MISS REPORT", self.percent))
    }
}

const fn question(name: &'static str, sql: &'static str, percent: f64) -> Question {
    Question { name, sql, percent }
}

pub(crate) fn all() -> Vec<Family> {
    let mut all = Vec::new();
    all.extend(above_aggregates());
    all.extend(rare_values());
    all.extend(unlike_groups());
    all.extend(weights());
    all.extend(cancelling());
    all.extend(expressions());
    all.extend(others());
    all
}

const UNIFORM: [(&str, &str); 4] = [
    ("SIZE 300 ROWS", "300 rows"),
    ("SIZE 1000 ROWS", "1,000 rows"),
    ("SIZE 4000 ROWS", "4,000 rows"),
    ("SIZE 12000 ROWS", "12,000 rows"),
];

fn keyed(rng: &mut ChaCha8Rng, rows: usize, keys: usize) -> Vec<usize> {
    (0..rows).map(|_| rng.random_range(0..keys)).collect()
}

/// Steps and kinks above averages of groups.
fn above_aggregates() -> Vec<Family> {
    let table = |rng: &mut ChaCha8Rng| {
        let keys = keyed(rng, 60_000, 20);
        let slope = between(rng, 0.02, 0.2);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let values = numbers(60_000, |row| gauss(rng, 10.0 + slope * (keys[row] as f64 - 10.0), 3.0));
        vec![("k", whole(&keys)), ("y", floats(values))]
    };
    let inner = [
        question(
            "SUM of CASE",
            "SELECT 1 AS g, SUM(CASE WHEN a > 10 THEN 1 ELSE 0 END) AS v FROM (SELECT k, AVG(y) AS a FROM t GROUP BY k)",
            20.0,
        ),
        question(
            "SUM of whole",
            "SELECT 1 AS g, SUM(CAST(a AS BIGINT)) AS v FROM (SELECT k, AVG(y) AS a FROM t GROUP BY k)",
            5.0,
        ),
        question(
            "SUM of FLOOR",
            "SELECT 1 AS g, SUM(FLOOR(a)) AS v FROM (SELECT k, AVG(y) AS a FROM t GROUP BY k)",
            5.0,
        ),
        question(
            "AVG of ABS",
            "SELECT 1 AS g, AVG(ABS(a - 10)) AS v FROM (SELECT k, AVG(y) AS a FROM t GROUP BY k)",
            20.0,
        ),
        question(
            "SUM of chosen sums",
            "SELECT 1 AS g, SUM(CASE WHEN a > 10 THEN s ELSE 0 END) AS v FROM (SELECT k, AVG(y) AS a, SUM(y) AS s FROM t GROUP BY k)",
            20.0,
        ),
        question("AVG of averages", "SELECT 1 AS g, AVG(a) AS v FROM (SELECT k, AVG(y) AS a FROM t GROUP BY k)", 1.0),
        question("ABS of a difference", "SELECT k AS g, ABS(AVG(y) - 10) AS v FROM t GROUP BY k", 20.0),
        question(
            "window over CASE",
            "SELECT k AS g, SUM(CASE WHEN AVG(y) > 10 THEN 1 ELSE 0 END) OVER () AS v FROM t GROUP BY k",
            20.0,
        ),
    ];
    vec![Family {
        name: "steps above averages",
        table,
        designs: vec![("STRATIFIED BY (k) CAP 300", "cap 300"), ("STRATIFIED BY (k) CAP 60", "cap 60")],
        questions: inner.into(),
    }]
}

const WHOLE: [Question; 4] = [
    question("AVG", "SELECT 1 AS g, AVG(y) AS v FROM t", 10.0),
    question("SUM", "SELECT 1 AS g, SUM(y) AS v FROM t", 10.0),
    question("SUM of a tenth", "SELECT 1 AS g, SUM(y) AS v FROM t WHERE p < 0.1", 20.0),
    question("STDDEV", "SELECT 1 AS g, STDDEV(y) AS v FROM t", 20.0),
];

/// Rare large values that few rows show.
fn rare_values() -> Vec<Family> {
    fn with(rng: &mut ChaCha8Rng, mut draw: impl FnMut(&mut ChaCha8Rng) -> f64) -> Columns {
        let y = numbers(100_000, |_| draw(rng));
        let p = numbers(100_000, |_| rng.random());
        vec![("y", floats(y)), ("p", floats(p))]
    }
    let spikes = |rng: &mut ChaCha8Rng| {
        let (rare, size) = (between(rng, 3e-4, 3e-3), between(rng, 1e2, 1e5));
        with(rng, |rng| gauss(rng, 10.0, 1.0) + if chance(rng, rare) { size } else { 0.0 })
    };
    let timeouts = |rng: &mut ChaCha8Rng| {
        let (rare, size) = (between(rng, 1e-3, 1e-2), between(rng, 3e3, 1e5));
        with(rng, |rng| if chance(rng, rare) { size } else { lognormal(rng, 3.0, 0.5) })
    };
    let band = |rng: &mut ChaCha8Rng| {
        let (rare, size) = (between(rng, 3e-3, 5e-2), between(rng, 2.0, 30.0));
        with(rng, |rng| gauss(rng, 1.0, 0.01) + if chance(rng, rare) { size } else { 0.0 })
    };
    let both_sides = |rng: &mut ChaCha8Rng| {
        let (rare, size) = (between(rng, 3e-4, 3e-3), between(rng, 1e2, 1e4));
        with(rng, |rng| {
            let sign = if chance(rng, 0.8) { size } else { -size };
            gauss(rng, 10.0, 1.0) + if chance(rng, rare) { sign } else { 0.0 }
        })
    };
    let three_scales = |rng: &mut ChaCha8Rng| {
        let rare = between(rng, 1e-3, 1e-2);
        with(rng, |rng| {
            let size = [30.0, 1e3, 3e4][rng.random_range(0..3)];
            gauss(rng, 10.0, 1.0) + if chance(rng, rare) { size } else { 0.0 }
        })
    };
    let nearly_zero = |rng: &mut ChaCha8Rng| {
        let rare = between(rng, 5e-4, 2e-2);
        with(rng, |rng| if chance(rng, rare) { lognormal(rng, 2.0, 1.0) } else { 1e-3 * rng.random::<f64>() })
    };
    let pareto = |rng: &mut ChaCha8Rng| {
        let shape = between(rng, 1.2, 3.0);
        with(rng, |rng| (1.0 - rng.random::<f64>()).powf(-1.0 / shape))
    };
    let heavy = |rng: &mut ChaCha8Rng| {
        let sigma = between(rng, 1.0, 2.5);
        with(rng, |rng| lognormal(rng, 0.0, sigma))
    };
    let family = |name, table| Family { name, table, designs: UNIFORM.to_vec(), questions: WHOLE.into() };
    vec![
        family("spikes", spikes),
        family("timeouts", timeouts),
        family("a band", band),
        family("spikes on both sides", both_sides),
        family("spikes of three sizes", three_scales),
        family("nearly zero", nearly_zero),
        family("Pareto", pareto),
        family("lognormal", heavy),
    ]
}

/// One group unlike the others.
fn unlike_groups() -> Vec<Family> {
    let rare_group = |rng: &mut ChaCha8Rng| {
        let (share, rare, size) = (between(rng, 0.03, 0.2), between(rng, 3e-3, 3e-2), between(rng, 20.0, 500.0));
        let is_rare: Vec<bool> = (0..100_000).map(|_| chance(rng, share)).collect();
        let y = numbers(100_000, |row| match is_rare[row] {
            true => gauss(rng, 20.0, 0.5) + if chance(rng, rare) { size } else { 0.0 },
            false => gauss(rng, 100.0, 30.0),
        });
        let x = numbers(100_000, |row| y[row] * 0.5 + gauss(rng, 0.0, 5.0));
        let g = texts(is_rare.iter().map(|rare| if *rare { "rare" } else { "usual" }));
        vec![("g", g), ("y", floats(y)), ("x", floats(x))]
    };
    let questions = vec![
        question("AVG of the group", "SELECT 1 AS g, AVG(y) AS v FROM t WHERE g = 'rare'", 5.0),
        question("SUM of the group", "SELECT 1 AS g, SUM(y) AS v FROM t WHERE g = 'rare'", 10.0),
        question("AVG by group", "SELECT g, AVG(y) AS v FROM t GROUP BY g", 5.0),
        question("STDDEV by group", "SELECT g, STDDEV(y) AS v FROM t GROUP BY g", 20.0),
        question("CORR by group", "SELECT g, CORR(y, x) AS v FROM t GROUP BY g", 0.0),
        question("COVAR by group", "SELECT g, COVAR_POP(y, x) AS v FROM t GROUP BY g", 20.0),
    ];
    let ten_heavy = |rng: &mut ChaCha8Rng| {
        let sigma = between(rng, 1.0, 2.2);
        let keys = keyed(rng, 100_000, 20);
        let y = numbers(100_000, |row| match keys[row] < 10 {
            true => lognormal(rng, 0.0, sigma),
            false => gauss(rng, 50.0, 10.0),
        });
        vec![("g", whole(&keys)), ("y", floats(y))]
    };
    let tight = |rng: &mut ChaCha8Rng| {
        let step = between(rng, 1.0, 1e4);
        let keys = keyed(rng, 100_000, 20);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let y = numbers(100_000, |row| gauss(rng, step * keys[row] as f64, 1.0));
        vec![("g", whole(&keys)), ("y", floats(y))]
    };
    let designs = vec![
        ("STRATIFIED BY (g) CAP 100", "by g, cap 100"),
        ("STRATIFIED BY (g) CAP 1000", "by g, cap 1,000"),
        ("SIZE 1000 ROWS", "1,000 rows"),
        ("SIZE 8000 ROWS", "8,000 rows"),
    ];
    let by_group = || {
        vec![
            question("AVG", "SELECT g, AVG(y) AS v FROM t GROUP BY g", 5.0),
            question("SUM", "SELECT g, SUM(y) AS v FROM t GROUP BY g", 10.0),
            question("STDDEV", "SELECT g, STDDEV(y) AS v FROM t GROUP BY g", 20.0),
        ]
    };
    vec![
        Family { name: "a group unlike the table", table: rare_group, designs: designs.clone(), questions },
        Family {
            name: "ten heavy groups of twenty",
            table: ten_heavy,
            designs: designs.clone(),
            questions: by_group(),
        },
        Family { name: "tight groups far apart", table: tight, designs, questions: by_group() },
    ]
}

/// WHERE that goes with the weights: many light strata, one heavy.
fn weights() -> Vec<Family> {
    let table = |rng: &mut ChaCha8Rng| {
        let (light, heavy) = (100_000, 50_000);
        let factor = between(rng, 2.0, 50.0);
        let shares = [100, 600, 2_400, 5_000].map(|rows: usize| (rows, rng.random_range(50..300_usize)));
        let mut strata: Vec<usize> = (0..light).map(|row| 1 + row % 100).collect();
        strata.extend(std::iter::repeat_n(0, heavy));
        let mut products = vec![0; light + heavy];
        let (mut in_light, mut in_heavy) = (0, light);
        for (product, (few, many)) in shares.iter().enumerate() {
            products[in_light..in_light + few].fill(product + 1);
            products[in_heavy..in_heavy + many].fill(product + 1);
            (in_light, in_heavy) = (in_light + few, in_heavy + many);
        }
        let y = numbers(light + heavy, |row| (0.5 + rng.random::<f64>()) * if row < light { 1.0 } else { factor });
        vec![("r", whole(&strata)), ("prod", whole(&products)), ("y", floats(y))]
    };
    vec![Family {
        name: "WHERE goes with the weights",
        table,
        designs: vec![("STRATIFIED BY (r) CAP 500", "cap 500"), ("STRATIFIED BY (r) CAP 100", "cap 100")],
        questions: vec![
            question("COUNT", "SELECT prod AS g, COUNT(*) AS v FROM t WHERE prod > 0 GROUP BY prod", 20.0),
            question("SUM", "SELECT prod AS g, SUM(y) AS v FROM t WHERE prod > 0 GROUP BY prod", 20.0),
            question("AVG", "SELECT prod AS g, AVG(y) AS v FROM t WHERE prod > 0 GROUP BY prod", 20.0),
            question("SUM of one", "SELECT 1 AS g, SUM(y) AS v FROM t WHERE prod = 2", 20.0),
            question(
                "share of COUNT",
                "SELECT 1 AS g, COUNT(*) FILTER (WHERE prod = 2) / COUNT(*)::DOUBLE AS v FROM t",
                20.0,
            ),
            question("ratio of SUMs", "SELECT 1 AS g, SUM(y) FILTER (WHERE prod = 2) / SUM(y) AS v FROM t", 20.0),
        ],
    }]
}

/// Differences and ratios of columns that nearly cancel.
fn cancelling() -> Vec<Family> {
    let table = |rng: &mut ChaCha8Rng| {
        let (rare, deep) = (between(rng, 2e-3, 3e-2), between(rng, 0.2, 0.9));
        let gross = numbers(100_000, |_| 50.0 + 100.0 * rng.random::<f64>());
        let net = numbers(100_000, |row| {
            let off = if chance(rng, rare) { deep * rng.random::<f64>() } else { 2e-4 * rng.random::<f64>() };
            gross[row] * (1.0 - off)
        });
        let keys = keyed(rng, 100_000, 10);
        vec![("k", whole(&keys)), ("gross", floats(gross)), ("net", floats(net))]
    };
    vec![Family {
        name: "differences that nearly cancel",
        table,
        designs: vec![
            ("SIZE 1000 ROWS", "1,000 rows"),
            ("SIZE 10000 ROWS", "10,000 rows"),
            ("STRATIFIED BY (k) CAP 300", "by k, cap 300"),
        ],
        questions: vec![
            question("difference of SUMs", "SELECT 1 AS g, SUM(gross) - SUM(net) AS v FROM t", 20.0),
            question("share", "SELECT 1 AS g, 1 - SUM(net) / SUM(gross) AS v FROM t", 20.0),
            question("ratio", "SELECT 1 AS g, SUM(net) / SUM(gross) AS v FROM t", 1.0),
            question("SUM of differences", "SELECT 1 AS g, SUM(gross - net) AS v FROM t", 20.0),
            question("difference by group", "SELECT k AS g, SUM(gross) - SUM(net) AS v FROM t GROUP BY k", 20.0),
        ],
    }]
}

/// Expressions with tails that their columns do not have.
fn expressions() -> Vec<Family> {
    let table = |rng: &mut ChaCha8Rng| {
        let (sigma, rare, factor) = (between(rng, 0.6, 1.4), between(rng, 3e-4, 1e-2), between(rng, 100.0, 5_000.0));
        let price = numbers(100_000, |_| lognormal(rng, 2.0, sigma));
        let spike = numbers(100_000, |_| gauss(rng, 10.0, 1.0) + if chance(rng, rare) { 20.0 * factor } else { 0.0 });
        let quantity: Vec<usize> = (0..100_000).map(|_| 1 + rng.random_range(0..50)).collect();
        let classes = texts((0..100_000).map(|_| if chance(rng, rare) { "c" } else { "a" }));
        vec![("price", floats(price)), ("spike", floats(spike)), ("quantity", whole(&quantity)), ("cls", classes)]
    };
    vec![Family {
        name: "tails of expressions",
        table,
        designs: UNIFORM.to_vec(),
        questions: vec![
            question("SUM of squares", "SELECT 1 AS g, SUM(price * price) AS v FROM t", 20.0),
            question("AVG of spikes", "SELECT 1 AS g, AVG(spike * 1.0) AS v FROM t", 10.0),
            question(
                "SUM of CASE",
                "SELECT 1 AS g, SUM(CASE WHEN cls = 'c' THEN 1000 * price ELSE price END) AS v FROM t",
                20.0,
            ),
            question("SUM of products", "SELECT 1 AS g, SUM(price * quantity) AS v FROM t", 10.0),
            question(
                "SUM of the rare class",
                "SELECT 1 AS g, SUM(CASE WHEN cls = 'c' THEN price ELSE 0 END) AS v FROM t",
                20.0,
            ),
            question("AVG by class", "SELECT cls AS g, AVG(price) AS v FROM t GROUP BY cls", 20.0),
        ],
    }]
}

/// Kinds that were not in mind when the rule was made.
fn others() -> Vec<Family> {
    let small_groups = |rng: &mut ChaCha8Rng| {
        let sigma = between(rng, 1.5, 2.5);
        let keys = keyed(rng, 100_000, 40);
        vec![("g", whole(&keys)), ("y", floats(numbers(100_000, |_| lognormal(rng, 0.0, sigma))))]
    };
    let refunds = |rng: &mut ChaCha8Rng| {
        let (rare, times) = (between(rng, 5e-3, 5e-2), between(rng, 1.0, 10.0));
        let amount = numbers(100_000, |_| lognormal(rng, 3.0, 0.8));
        let y = numbers(100_000, |row| if chance(rng, rare) { -times * amount[row] } else { amount[row] });
        let keys = keyed(rng, 100_000, 12);
        vec![("g", whole(&keys)), ("y", floats(y)), ("amount", floats(amount))]
    };
    let drift = |rng: &mut ChaCha8Rng| {
        // Sorted by time, and the last percent of it is another world.
        let (from, size) = (rng.random_range(95_000..99_500_usize), between(rng, 5.0, 500.0));
        let y = numbers(100_000, |row| lognormal(rng, 0.0, 0.5) * if row > from { size } else { 1.0 });
        let day: Vec<usize> = (0..100_000).map(|row| row / 1_000).collect();
        vec![("g", whole(&day)), ("y", floats(y))]
    };
    let one_stratum = |rng: &mut ChaCha8Rng| {
        let (rare, size) = (between(rng, 1e-3, 2e-2), between(rng, 1e2, 1e4));
        let keys = keyed(rng, 100_000, 25);
        let y =
            numbers(100_000, |row| gauss(rng, 5.0, 1.0) + if keys[row] == 7 && chance(rng, rare) { size } else { 0.0 });
        vec![("g", whole(&keys)), ("y", floats(y))]
    };
    let designs = || {
        vec![
            ("STRATIFIED BY (g) CAP 100", "by g, cap 100"),
            ("SIZE 2000 ROWS", "2,000 rows"),
            ("SIZE 10000 ROWS", "10,000 rows"),
        ]
    };
    let questions = || {
        vec![
            question("AVG by group", "SELECT g, AVG(y) AS v FROM t GROUP BY g", 10.0),
            question("SUM by group", "SELECT g, SUM(y) AS v FROM t GROUP BY g", 20.0),
            question("AVG", "SELECT 1 AS g, AVG(y) AS v FROM t", 10.0),
            question("SUM of a group", "SELECT 1 AS g, SUM(y) AS v FROM t WHERE g = 7", 20.0),
            question("SUM of large ones", "SELECT 1 AS g, SUM(y) AS v FROM t WHERE y > 6", 20.0),
            question("COUNT of large ones", "SELECT g, COUNT(*) AS v FROM t WHERE y > 6 GROUP BY g", 20.0),
            question("AVG of sums", "SELECT 1 AS g, AVG(s) AS v FROM (SELECT g, SUM(y) AS s FROM t GROUP BY g)", 10.0),
            question("share", "SELECT g, SUM(y) / SUM(SUM(y)) OVER () AS v FROM t GROUP BY g", 20.0),
        ]
    };
    let family = |name, table| Family { name, table, designs: designs(), questions: questions() };
    vec![
        family("small groups of a heavy tail", small_groups),
        family("refunds", refunds),
        family("a late change", drift),
        family("spikes in one stratum", one_stratum),
    ]
}
