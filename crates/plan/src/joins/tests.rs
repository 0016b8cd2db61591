//! Every kind of join as the one wide table that it becomes.

use crate::{Purpose, recognise, simplified};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

fn context() -> SessionContext {
    let context = SessionContext::new();
    let table = |name: &str, columns: &[(&str, DataType)]| {
        let fields: Vec<Field> = columns.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect();
        context.register_table(name, Arc::new(EmptyTable::new(Arc::new(Schema::new(fields))))).unwrap();
    };
    let (int, text) = (DataType::Int64, DataType::Utf8View);
    table(
        "sales",
        &[
            ("customer", int.clone()),
            ("product", DataType::Int32),
            ("nation", int.clone()),
            ("amount", DataType::Float64),
        ],
    );
    table("customers", &[("id", int.clone()), ("nation", int.clone()), ("segment", text.clone())]);
    table("nations", &[("id", int.clone()), ("name", text.clone())]);
    table("products", &[("id", int.clone()), ("kind", text)]);
    table("stock", &[("product", int.clone()), ("nation", int.clone()), ("pieces", int.clone())]);
    table("visits", &[("customer", int.clone()), ("pages", int)]);
    context
}

/// The wide table of a query, its joins and conditions, in words.
async fn rewritten(context: &SessionContext, sql: &str) -> String {
    let state = context.state();
    let plan = state.create_logical_plan(sql).await.unwrap();
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).unwrap();
    let plan = simplified(&plan, &state).unwrap();
    let mut text = format!("> {sql}\n");
    match recognise(&plan, Purpose::Answer) {
        Err(reason) => text.push_str(&format!("exact: {}\n", reason.0)),
        Ok(query) => {
            text.push_str(&format!("table: {}\n", query.scan.table_name));
            for table in &query.joins {
                // A subquery is named by its text, which changes with the library that writes it.
                let name = table.to_string();
                let name = match name.strip_prefix("subquery ") {
                    Some(rest) => format!("subquery{}", &rest[16..]),
                    None => name,
                };
                text.push_str(&format!("join: {name}\n"));
            }
            let all = [("where", &query.predicates), ("group by", &query.keys)];
            for (what, exprs) in all {
                exprs.iter().for_each(|expr| {
                    text.push_str(&format!("{what}: {}\n", without_subquery_names(&expr.to_string())))
                });
            }
            for argument in query.arguments.iter().filter_map(|argument| argument.plain()) {
                text.push_str(&format!("argument: {}\n", without_subquery_names(&argument.to_string())));
            }
        }
    }
    text
}

/// A text in which subqueries have no numbers.
fn without_subquery_names(text: &str) -> String {
    let mut parts = text.split("subquery ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| format!("{all}subquery{}", &part[16..]))
}

const QUERIES: &[&str] = &[
    "SELECT segment, SUM(amount) FROM sales JOIN customers ON customer = id GROUP BY segment",
    "SELECT SUM(amount) FROM customers, sales WHERE id = customer AND segment = 'car'",
    "SELECT COUNT(*) FROM sales JOIN (SELECT id AS customer FROM customers) AS c USING (customer)",
    "SELECT COUNT(*) FROM sales s JOIN products p ON s.product = p.id",
    "SELECT COUNT(*) FROM sales s LEFT JOIN customers c ON s.customer = c.id WHERE c.segment IS NULL",
    "SELECT COUNT(c.segment) FROM customers c RIGHT JOIN sales s ON s.customer = c.id AND c.segment <> 'car'",
    "SELECT n.name, COUNT(*) FROM sales s JOIN customers c ON s.customer = c.id JOIN nations n ON c.nation = n.id GROUP BY n.name",
    "SELECT a.name, b.name, COUNT(*) FROM sales s, customers c, nations a, nations b WHERE s.customer = c.id AND c.nation = a.id \
     AND s.nation = b.id AND (a.name = 'x' AND b.name = 'y' OR a.name = 'y' AND b.name = 'x') GROUP BY 1, 2",
    "SELECT SUM(pieces) FROM sales s, stock k WHERE s.product = k.product AND s.nation = k.nation",
    "SELECT SUM(amount) FROM sales s, stock k, products p WHERE k.product = p.id AND k.nation = s.nation AND s.product = p.id",
    "SELECT COUNT(*) FROM sales, products p WHERE product = p.id AND kind = 'a' AND amount > 1 OR product = p.id AND kind = 'b' AND amount > 2",
    "SELECT n.name FROM sales s LEFT JOIN (customers c JOIN nations n ON c.nation = n.id) ON s.customer = c.id GROUP BY n.name HAVING COUNT(c.segment) > 1",
    "SELECT COUNT(*) FROM sales WHERE EXISTS (SELECT 1 FROM customers WHERE id = customer AND segment = 'car')",
    "SELECT COUNT(*) FROM sales WHERE NOT EXISTS (SELECT 1 FROM customers WHERE id = customer) OR amount > 5",
    "SELECT COUNT(*) FROM sales WHERE customer IN (SELECT id FROM customers WHERE segment = 'car')",
    "SELECT COUNT(*) FROM sales LEFT ANTI JOIN customers ON customer = id",
    "SELECT total, COUNT(*) FROM sales JOIN (SELECT customer AS who, SUM(pages) AS total FROM visits GROUP BY customer) ON who = customer GROUP BY total",
    "SELECT COUNT(*) FROM sales s WHERE amount > (SELECT AVG(pages) / 2 FROM visits v WHERE v.customer = s.customer AND pages > 1)",
    "SELECT COUNT(*) FROM sales s WHERE amount > (SELECT COUNT(*) FROM visits v WHERE v.customer = s.customer)",
    "SELECT COUNT(*) FROM sales FULL JOIN customers ON customer = id",
    "SELECT COUNT(*) FROM sales JOIN customers ON customer > id",
    "SELECT COUNT(*) FROM sales s JOIN products p ON CAST(s.amount AS BIGINT) = p.id",
];

#[tokio::test]
async fn joins_become_one_wide_table() {
    let context = context();
    let mut page = String::new();
    for sql in QUERIES {
        page.push_str(&rewritten(&context, sql).await);
        page.push('\n');
    }
    insta::assert_snapshot!(page);
}
