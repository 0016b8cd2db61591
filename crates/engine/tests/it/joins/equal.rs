//! A sample that holds every row answers joins like DataFusion.

use super::star::Star;
use crate::support::{assert_same, rows};
use plusminus::Mode;

/// Joins in every spelling, each a star around `sales`.
const QUERIES: &[&str] = &[
    "SELECT COUNT(*) FROM sales JOIN customers ON s_customer = c_id",
    "SELECT COUNT(*), SUM(s_amount), AVG(c_balance) FROM customers JOIN sales ON c_id = s_customer WHERE c_segment = 'car'",
    "SELECT c_segment, COUNT(*), SUM(s_quantity) FROM sales, customers WHERE s_customer = c_id GROUP BY c_segment ORDER BY 1 NULLS FIRST",
    "SELECT c_segment, COUNT(*), COUNT(c_id), COUNT(c_balance), SUM(c_balance) FROM sales LEFT JOIN customers ON s_customer = c_id GROUP BY 1 ORDER BY 1 NULLS FIRST",
    "SELECT COUNT(*), COUNT(c_balance) FROM customers RIGHT JOIN sales ON s_customer = c_id",
    "SELECT COUNT(c_balance) FROM sales LEFT JOIN customers ON s_customer = c_id",
    "SELECT n_name, SUM(s_amount) AS m FROM sales JOIN customers ON s_customer = c_id JOIN nations ON c_nation = n_id GROUP BY n_name ORDER BY m DESC",
    "SELECT r_name, COUNT(*), SUM(s_quantity * c_balance) FROM sales, customers, nations, regions WHERE s_customer = c_id AND c_nation = n_id AND n_region = r_id GROUP BY r_name ORDER BY r_name",
    "SELECT COUNT(*) FROM sales LEFT JOIN customers ON s_customer = c_id LEFT JOIN nations ON c_nation = n_id WHERE n_name IS NULL",
    "SELECT n1.n_name, n2.n_name, COUNT(*), SUM(s_amount) FROM sales, customers, nations n1, nations n2 WHERE s_customer = c_id AND c_nation = n1.n_id AND s_nation = n2.n_id AND (n1.n_name = 'nation number 1' AND n2.n_name = 'nation number 2' OR n1.n_name = 'nation number 2' AND n2.n_name = 'nation number 1') GROUP BY n1.n_name, n2.n_name ORDER BY 1",
    "SELECT p_kind, COUNT(*), SUM(p_price), AVG(s_amount - p_price) FROM sales JOIN products ON s_product = p_id GROUP BY p_kind ORDER BY p_kind",
    "SELECT k_place, SUM(k_left), COUNT(*) FROM sales JOIN stock ON k_product = s_product AND k_place = s_place GROUP BY k_place ORDER BY k_place",
    "SELECT SUM(k_left) FROM sales, stock, products WHERE k_product = p_id AND k_place = s_place AND p_id = s_product AND p_kind = 'kind 2'",
    "WITH big AS (SELECT s_customer AS who, s_amount AS a FROM sales WHERE s_quantity > 25) SELECT c_segment, AVG(a) FROM big JOIN customers ON who = c_id GROUP BY c_segment ORDER BY c_segment",
    "SELECT q.kind, SUM(s_quantity) FROM sales JOIN (SELECT p_id AS id, upper(p_kind) AS kind FROM products WHERE p_price > 10) AS q ON q.id = s_product GROUP BY q.kind ORDER BY 1",
    "SELECT q.kind, COUNT(*) FROM sales LEFT JOIN (SELECT p_id AS id, upper(p_kind) AS kind, 1 AS one FROM products WHERE p_price > 10) AS q ON q.id = s_product GROUP BY q.kind ORDER BY 1 NULLS FIRST",
    "SELECT SUM(one), COUNT(*) FROM sales LEFT JOIN (SELECT p_id AS id, 1 AS one FROM products WHERE p_price > 10) AS q ON q.id = s_product AND s_quantity < 40",
    "SELECT COUNT(*), SUM(s_quantity) FROM sales WHERE EXISTS (SELECT 1 FROM customers WHERE c_id = s_customer AND c_segment = 'boat')",
    "SELECT COUNT(*), SUM(s_quantity) FROM sales WHERE NOT EXISTS (SELECT 1 FROM customers WHERE c_id = s_customer AND c_balance > s_quantity)",
    "SELECT COUNT(*) FROM sales WHERE s_customer IN (SELECT c_id FROM customers WHERE c_segment = 'home')",
    "SELECT COUNT(*) FROM sales WHERE s_customer NOT IN (SELECT c_id FROM customers WHERE c_segment = 'home')",
    "SELECT COUNT(*) FROM sales WHERE s_quantity > 45 OR EXISTS (SELECT * FROM products WHERE p_id = s_product AND p_kind = 'kind 1')",
    "SELECT c_segment, COUNT(*) FROM sales JOIN customers ON s_customer = c_id WHERE EXISTS (SELECT 1 FROM nations WHERE n_id = c_nation AND n_region = 1) GROUP BY 1 ORDER BY 1",
    "SELECT n_name, SUM(s_amount) FROM sales LEFT JOIN (customers JOIN nations ON c_nation = n_id) ON s_customer = c_id GROUP BY n_name ORDER BY 1 NULLS FIRST",
    "SELECT c_segment, n_name, COUNT(*) FROM sales LEFT JOIN (customers JOIN nations ON c_nation = n_id) ON s_customer = c_id GROUP BY 1, 2 ORDER BY 1 NULLS FIRST, 2 NULLS FIRST",
    "SELECT COUNT(*), SUM(c_balance) FROM sales LEFT JOIN customers ON s_customer = c_id AND c_segment = 'car' JOIN nations ON c_nation = n_id",
    "SELECT SUM(CASE WHEN n_name = 'nation number 3' THEN s_amount ELSE 0 END) / SUM(s_amount) AS share FROM sales JOIN customers ON s_customer = c_id JOIN nations ON c_nation = n_id",
    "SELECT extract(month FROM s_day) AS m, c_segment, SUM(s_amount), MIN(c_balance), MAX(p_price) FROM sales, customers, products WHERE s_customer = c_id AND s_product = p_id GROUP BY 1, 2 ORDER BY 1, 2",
    "SELECT c_id % 4 AS d, COUNT(*), AVG(c_balance), VAR(c_balance), MEDIAN(c_balance) FROM sales JOIN customers ON s_customer = c_id GROUP BY 1 ORDER BY 1",
    "SELECT c_segment, COUNT(*) FROM sales JOIN customers ON s_customer = c_id WHERE s_amount > (SELECT AVG(s_amount) FROM sales) GROUP BY c_segment ORDER BY 1",
    "SELECT c_segment, COUNT(*) AS n FROM sales CROSS JOIN customers WHERE s_customer = c_id GROUP BY c_segment HAVING COUNT(*) > 100 ORDER BY n DESC LIMIT 2",
    "SELECT COUNT(*) FROM sales LEFT SEMI JOIN customers ON s_customer = c_id AND c_segment = 'car'",
    "SELECT COUNT(*) FROM sales LEFT ANTI JOIN customers ON s_customer = c_id",
    "SELECT COUNT(*), SUM(a.c_balance + b.c_balance) FROM sales JOIN customers a ON s_customer = a.c_id JOIN customers b ON s_customer = b.c_id",
    "SELECT SUM(s_amount) FROM sales JOIN products ON s_product = p_id JOIN nations ON p_maker = n_id JOIN regions ON n_region = r_id WHERE r_name = 'south'",
    "SELECT c_segment, COUNT(*) FILTER (WHERE p_kind = 'kind 0') AS z, SUM(s_quantity) FILTER (WHERE c_balance > 50) AS b FROM sales JOIN customers ON c_id = s_customer LEFT JOIN products ON p_id = s_product GROUP BY c_segment ORDER BY 1",
    "SELECT v, COUNT(*) FROM sales JOIN (SELECT v_customer AS c, COUNT(*) AS v FROM visits GROUP BY v_customer) AS q ON c = s_customer GROUP BY v ORDER BY v",
    "SELECT COUNT(*), SUM(pages) FROM sales LEFT JOIN (SELECT v_customer, SUM(v_pages) AS pages FROM visits WHERE v_pages > 5 GROUP BY 1) q ON v_customer = s_customer AND pages > 30",
    "WITH often AS (SELECT DISTINCT v_customer AS who FROM visits WHERE v_pages > 20) SELECT c_segment, COUNT(*) FROM sales JOIN often ON who = s_customer JOIN customers ON c_id = who GROUP BY 1 ORDER BY 1",
    "SELECT COUNT(*), SUM(s_quantity) FROM sales WHERE EXISTS (SELECT * FROM visits WHERE v_customer = s_customer AND v_pages > 30)",
    "SELECT COUNT(*) FROM sales WHERE NOT EXISTS (SELECT * FROM visits WHERE s_customer = v_customer AND v_pages BETWEEN 3 AND 9)",
    "SELECT COUNT(*) FROM sales WHERE s_customer IN (SELECT v_customer FROM visits WHERE v_pages = 7)",
    "SELECT COUNT(*) FROM sales, customers WHERE s_customer = c_id AND EXISTS (SELECT * FROM visits WHERE v_customer = c_id AND v_pages = 3) AND c_segment = 'car'",
    "SELECT SUM(s_amount) FROM sales, products WHERE p_id = s_product AND s_quantity < (SELECT 0.8 * AVG(s_quantity) FROM sales WHERE s_product = p_id)",
    "SELECT COUNT(*) FROM sales WHERE s_quantity > (SELECT COUNT(*) FROM visits WHERE v_customer = s_customer)",
    "SELECT COUNT(*) FROM sales s WHERE s_quantity > (SELECT COALESCE(SUM(v_pages), 10) / 2 FROM visits WHERE v_customer = s.s_customer AND v_pages < 30)",
    "SELECT COUNT(*) FROM sales WHERE s_customer IN (SELECT v_customer FROM visits GROUP BY v_customer HAVING COUNT(*) > 2)",
    "SELECT n_name, COUNT(*) FROM sales JOIN (SELECT c_id, c_nation FROM customers UNION ALL SELECT 100000 + c_id, c_nation FROM customers) u ON c_id = s_customer JOIN nations ON n_id = c_nation GROUP BY n_name ORDER BY 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_spelling_equals_datafusion_with_zero_width() {
    let star = Star::whole(20_000).await;
    for sql in QUERIES {
        let exact = star.session.query(*sql).run().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let answer = star.session.query(*sql).error_percent(0.0001).run().await.unwrap();
        let report = answer.report();
        assert!(report.reason.contains("sample 'whole'"), "{sql}: {report:?}");
        assert_same(&rows(&answer), &rows(&exact), sql);
        assert_eq!((report.mode, report.met), (Mode::Exact, Some(true)), "{sql}: {report:?}");
    }
}
