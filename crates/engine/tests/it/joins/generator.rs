//! Queries over the star of `star.rs`, made from a seed: which tables, how they are joined and in which spelling, filters and aggregates.

use crate::support::Random;

/// A table that may be joined: its alias and name, the alias that it is joined to, and the pairs of compared columns (own, other).
struct Edge {
    alias: &'static str,
    table: &'static str,
    parent: &'static str,
    on: &'static [(&'static str, &'static str)],
}

const EDGES: &[Edge] = &[
    Edge { alias: "c", table: "customers", parent: "s", on: &[("c_id", "s_customer")] },
    Edge { alias: "n1", table: "nations", parent: "c", on: &[("n_id", "c_nation")] },
    Edge { alias: "r1", table: "regions", parent: "n1", on: &[("r_id", "n_region")] },
    Edge { alias: "p", table: "products", parent: "s", on: &[("p_id", "s_product")] },
    Edge { alias: "n2", table: "nations", parent: "p", on: &[("n_id", "p_maker")] },
    Edge { alias: "n3", table: "nations", parent: "s", on: &[("n_id", "s_nation")] },
    Edge { alias: "r3", table: "regions", parent: "n3", on: &[("r_id", "n_region")] },
    Edge { alias: "k", table: "stock", parent: "s", on: &[("k_product", "s_product"), ("k_place", "s_place")] },
];

/// Columns to group by, numbers to add up, and conditions, by table.
fn columns(table: &str) -> (&'static [&'static str], &'static [&'static str], &'static [&'static str]) {
    match table {
        "sales" => (
            &["s_place", "s_quantity % 5", "extract(month FROM s_day)"],
            &["s_quantity", "s_amount", "s_weight"],
            &["s_quantity < 30", "s_amount > 200", "s_weight IS NOT NULL", "s_day >= DATE '2022-03-01'", "s_place = 1"],
        ),
        "customers" => (
            &["c_segment", "c_id % 3"],
            &["c_balance", "c_id"],
            &[
                "c_segment = 'car'",
                "c_balance > 30",
                "c_segment IS NULL",
                "c_id BETWEEN 50 AND 300",
                "c_segment <> 'boat'",
            ],
        ),
        "nations" => (
            &["n_name", "n_region"],
            &["n_id"],
            &["n_name = 'nation number 2'", "n_name LIKE '%r 4'", "n_region = 1", "n_region IS NULL", "n_id > 3"],
        ),
        "regions" => (&["r_name"], &["r_id"], &["r_name = 'south'", "r_name IN ('north', 'east')"]),
        "products" => (
            &["p_kind"],
            &["p_price"],
            &["p_kind = 'kind 1'", "p_price BETWEEN 5 AND 25", "p_kind IN ('kind 0', 'kind 4')"],
        ),
        _ => (&["k_place"], &["k_left"], &["k_left > 100", "k_place = 0"]),
    }
}

/// A table of a query.
struct Joined {
    edge: &'static Edge,
    is_left: bool,
}

/// A generated query.
pub(crate) struct Generated {
    pub(crate) sql: String,
    /// Whether a table is joined whose rows share keys, so that the query has to run exactly.
    pub(crate) fans_out: bool,
}

struct Generator {
    random: Random,
    joined: Vec<Joined>,
}

/// The query of a seed.
pub(crate) fn query(seed: u64) -> Generated {
    let mut generator = Generator { random: Random(seed), joined: Vec::new() };
    generator.choose_tables();
    generator.query()
}

impl Generator {
    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.below(all.len() as u64) as usize]
    }

    fn choose_tables(&mut self) {
        let most = 1 + self.random.below(5) as usize;
        let may_be_left = self.chance(40);
        for edge in EDGES {
            let parent = self.joined.iter().find(|joined| joined.edge.alias == edge.parent);
            let is_reachable = edge.parent == "s" || parent.is_some();
            if self.joined.len() < most && is_reachable && self.chance(55) {
                let is_left = may_be_left && self.chance(60);
                self.joined.push(Joined { edge, is_left });
            }
        }
        if self.joined.is_empty() {
            self.joined.push(Joined { edge: &EDGES[0], is_left: may_be_left });
        }
    }

    fn tables(&self) -> Vec<(&'static str, &'static str)> {
        let joined = self.joined.iter().map(|joined| (joined.edge.alias, joined.edge.table));
        std::iter::once(("s", "sales")).chain(joined).collect()
    }

    fn condition(&mut self) -> String {
        let tables = self.tables();
        let (alias, table) = self.one_of(&tables);
        self.condition_of(alias, table)
    }

    fn condition_of(&mut self, alias: &str, table: &str) -> String {
        let condition = self.one_of(columns(table).2);
        format!("{alias}.{condition}")
    }

    fn on(&mut self, edge: &Edge) -> String {
        let pairs: Vec<String> = edge
            .on
            .iter()
            .map(|(own, other)| {
                let (own, other) = (format!("{}.{own}", edge.alias), format!("{}.{other}", edge.parent));
                if self.chance(50) { format!("{own} = {other}") } else { format!("{other} = {own}") }
            })
            .collect();
        pairs.join(" AND ")
    }

    /// A table in FROM: as it is, or a derived table that computes or filters something on the way.
    fn relation(&mut self, alias: &str, table: &str) -> String {
        match self.random.below(8) {
            0 => format!("(SELECT * FROM {table}) AS {alias}"),
            1 => {
                let condition = self.one_of(columns(table).2);
                format!("(SELECT * FROM {table} WHERE {condition}) AS {alias}")
            }
            2 => format!("all_{table} {alias}"),
            _ => format!("{table} {alias}"),
        }
    }

    /// FROM, and the conditions of its joins that WHERE has to state.
    fn from(&mut self) -> (String, Vec<String>) {
        let has_left = self.joined.iter().any(|joined| joined.is_left);
        match self.random.below(if has_left { 2 } else { 5 }) {
            0 => (self.nested(), Vec::new()),
            2 => self.commas(),
            3 if self.chance(30) => (self.with_totals(), Vec::new()),
            3 => (self.in_any_order(), Vec::new()),
            4 => (self.using(), Vec::new()),
            _ => (self.chain(), Vec::new()),
        }
    }

    fn chain(&mut self) -> String {
        let mut from = self.relation("s", "sales");
        for at in 0..self.joined.len() {
            let Joined { edge, is_left } = &self.joined[at];
            let (edge, is_left) = (*edge, *is_left);
            let (relation, mut on) = (self.relation(edge.alias, edge.table), self.on(edge));
            if self.chance(15) {
                on = format!("{on} AND {}", self.condition_of(edge.alias, edge.table));
            }
            if is_left && self.chance(10) {
                on = format!("{on} AND {}", self.condition_of("s", "sales"));
            }
            from = match (is_left, self.chance(20)) {
                (true, true) => format!("{relation} RIGHT JOIN ({from}) ON {on}"),
                (true, false) => format!("{from} LEFT JOIN {relation} ON {on}"),
                (false, true) => format!("{relation} JOIN ({from}) ON {on}"),
                (false, false) => format!("{from} INNER JOIN {relation} ON {on}"),
            };
        }
        from
    }

    /// A table and those behind it as one side of a join.
    fn nested(&mut self) -> String {
        let mut from = self.relation("s", "sales");
        for at in 0..self.joined.len() {
            if self.joined[at].edge.parent != "s" {
                continue;
            }
            let (edge, is_left) = (self.joined[at].edge, self.joined[at].is_left);
            let side = self.branch(edge);
            let (side, kind) = (side, if is_left { "LEFT JOIN" } else { "JOIN" });
            let on = self.on(edge);
            from = format!("{from} {kind} {side} ON {on}");
        }
        from
    }

    fn branch(&mut self, edge: &'static Edge) -> String {
        let mut side = self.relation(edge.alias, edge.table);
        let below: Vec<(&'static Edge, bool)> =
            self.joined.iter().filter(|j| j.edge.parent == edge.alias).map(|j| (j.edge, j.is_left)).collect();
        for (inner, is_left) in below {
            let other = self.branch(inner);
            let on = self.on(inner);
            side = format!("({side} {} {other} ON {on})", if is_left { "LEFT JOIN" } else { "JOIN" });
        }
        side
    }

    fn commas(&mut self) -> (String, Vec<String>) {
        let mut relations: Vec<String> = Vec::new();
        for (alias, table) in self.tables() {
            relations.push(self.relation(alias, table));
        }
        for at in (1..relations.len()).rev() {
            let other = self.random.below(at as u64 + 1) as usize;
            relations.swap(at, other);
        }
        let mut conditions = Vec::new();
        for at in 0..self.joined.len() {
            let edge = self.joined[at].edge;
            conditions.push(self.on(edge));
        }
        (relations.join(if self.chance(80) { ", " } else { " CROSS JOIN " }), conditions)
    }

    /// Inner joins that begin with any table.
    fn in_any_order(&mut self) -> String {
        let mut rest = self.tables();
        let at = self.random.below(rest.len() as u64) as usize;
        let first = rest.remove(at);
        let mut known = vec![first.0];
        let mut from = self.relation(first.0, first.1);
        while !rest.is_empty() {
            let edges: Vec<&'static Edge> = self.joined.iter().map(|joined| joined.edge).collect();
            let leads = |alias: &str, known: &[&str]| {
                edges.iter().copied().find(|edge| {
                    edge.alias == alias && known.contains(&edge.parent)
                        || edge.parent == alias && known.contains(&edge.alias)
                })
            };
            let next = rest.iter().position(|(alias, _)| leads(alias, &known).is_some()).unwrap();
            let (alias, table) = rest.remove(next);
            let edge = leads(alias, &known).unwrap();
            let (relation, on) = (self.relation(alias, table), self.on(edge));
            from = format!("{from} JOIN {relation} ON {on}");
            known.push(alias);
        }
        from
    }

    /// A table of totals by key among the joined ones.
    fn with_totals(&mut self) -> String {
        let chain = self.chain();
        let kind = self.one_of(&["JOIN", "LEFT JOIN"]);
        let totals = self.one_of(&[
            "(SELECT v_customer AS who, COUNT(*) AS visits, SUM(v_pages) AS pages FROM visits GROUP BY v_customer)",
            "(SELECT DISTINCT v_customer AS who, 1 AS visits FROM visits WHERE v_pages > 20)",
        ]);
        format!("{chain} {kind} {totals} AS totals ON totals.who = s.s_customer")
    }

    /// Joins with USING, where the tables around the sales have columns of the same names.
    fn using(&mut self) -> String {
        let mut from = self.relation("s", "sales");
        for at in 0..self.joined.len() {
            let edge = self.joined[at].edge;
            let by_name = edge.parent == "s" && edge.on.len() == 1 && self.chance(60);
            from = match by_name {
                true => {
                    let (own, other) = edge.on[0];
                    let renamed = format!("(SELECT *, {own} AS {other} FROM {}) AS {}", edge.table, edge.alias);
                    format!("{from} JOIN {renamed} USING ({other})")
                }
                false => {
                    let (relation, on) = (self.relation(edge.alias, edge.table), self.on(edge));
                    format!("{from} JOIN {relation} ON {on}")
                }
            };
        }
        from
    }

    /// A condition on rows of a table that is not joined: of one that is found by its key, or of visits, of which a customer may have several.
    fn existence(&mut self) -> String {
        if self.chance(40) {
            return self.visits();
        }
        let (edge, inner) = (self.one_of(&[&EDGES[0], &EDGES[3], &EDGES[5]]), "x");
        let (own, other) = edge.on[0];
        let condition = self.one_of(columns(edge.table).2);
        let table = edge.table;
        match self.random.below(4) {
            0 => format!(
                "EXISTS (SELECT 1 FROM {table} {inner} WHERE {inner}.{own} = s.{other} AND {inner}.{condition})"
            ),
            1 => format!(
                "NOT EXISTS (SELECT * FROM {table} {inner} WHERE s.{other} = {inner}.{own} AND {inner}.{condition})"
            ),
            2 => format!("s.{other} IN (SELECT {own} FROM {table} WHERE {condition})"),
            _ => {
                format!("(s.s_quantity > 40 OR EXISTS (SELECT 1 FROM {table} {inner} WHERE {inner}.{own} = s.{other}))")
            }
        }
    }

    fn visits(&mut self) -> String {
        let condition = self.one_of(&["x.v_pages > 25", "x.v_pages BETWEEN 3 AND 9", "x.v_pages <> 11"]);
        let tied = "FROM visits x WHERE x.v_customer = s.s_customer";
        match self.random.below(5) {
            0 => format!("EXISTS (SELECT * {tied} AND {condition})"),
            1 => format!("NOT EXISTS (SELECT 1 {tied} AND {condition})"),
            2 => format!("s.s_customer IN (SELECT x.v_customer FROM visits x WHERE {condition})"),
            3 => format!("s.s_quantity > (SELECT AVG(x.v_pages) {tied} AND {condition})"),
            _ => format!("s.s_quantity / 10 >= (SELECT COUNT(*) {tied} AND {condition})"),
        }
    }

    fn aggregate(&mut self) -> String {
        let tables = self.tables();
        let (alias, table) = self.one_of(&tables);
        let number = format!("{alias}.{}", self.one_of(columns(table).1));
        match self.random.below(7) {
            0 => "COUNT(*)".to_owned(),
            1 => format!("COUNT({number})"),
            2 => format!("AVG({number})"),
            3 => format!("SUM({number} * s.s_quantity)"),
            4 => {
                let condition = self.condition();
                format!("SUM({number}) FILTER (WHERE {condition})")
            }
            5 => {
                let condition = self.condition();
                format!("SUM(CASE WHEN {condition} THEN {number} ELSE 0 END)")
            }
            _ => format!("SUM({number})"),
        }
    }

    fn query(mut self) -> Generated {
        let fans_out = self.chance(4);
        let (mut from, mut conditions) = self.from();
        if fans_out {
            from = match conditions.is_empty() {
                true => format!("{from} JOIN visits v ON v.v_customer = s.s_customer"),
                false => format!("{from}, visits v"),
            };
            if !conditions.is_empty() {
                conditions.push("v.v_customer = s.s_customer".to_owned());
            }
        }
        for _ in 0..self.random.below(3) {
            let condition = match self.random.below(6) {
                0 => format!(
                    "({} AND {} OR {} AND {})",
                    self.condition(),
                    self.condition(),
                    self.condition(),
                    self.condition()
                ),
                1 => format!("NOT ({})", self.condition()),
                2 => self.existence(),
                _ => self.condition(),
            };
            conditions.push(condition);
        }
        let mut keys = Vec::new();
        for _ in 0..self.random.below(3) {
            let tables = self.tables();
            let (alias, table) = self.one_of(&tables);
            let key = self.one_of(columns(table).0);
            keys.push(match key.strip_prefix("extract(month FROM ") {
                Some(rest) => format!("extract(month FROM {alias}.{rest}"),
                None => format!("{alias}.{key}"),
            });
        }
        let aggregates: Vec<String> =
            (0..1 + self.random.below(3)).map(|at| format!("{} AS a{at}", self.aggregate())).collect();
        let named = keys.iter().enumerate().map(|(at, key)| format!("{key} AS k{at}"));
        let columns: Vec<String> = named.chain(aggregates).collect();
        let places: Vec<String> = (1..=keys.len()).map(|at| at.to_string()).collect();
        let mut sql = format!("SELECT {} FROM {from}", columns.join(", "));
        if !conditions.is_empty() {
            sql = format!("{sql} WHERE {}", conditions.join(" AND "));
        }
        if !keys.is_empty() {
            sql = format!("{sql} GROUP BY {}", places.join(", "));
        }
        if self.chance(15) {
            sql = format!("WITH whole AS ({sql}) SELECT * FROM whole");
        }
        Generated { sql, fans_out }
    }
}
