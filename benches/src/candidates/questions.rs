//! The queries of `queries/` without their bounds, and harder ones.

/// A query without bounds.
pub(crate) struct Question {
    pub(crate) title: String,
    pub(crate) sql: String,
}

/// The queries of a file in `queries/`.
pub(crate) fn of_file(name: &str) -> Vec<Question> {
    let text = match name {
        "sessions.sql" => include_str!("../../../queries/sessions.sql"),
        "hits.sql" => include_str!("../../../queries/hits.sql"),
        "flights.sql" => include_str!("../../../queries/flights.sql"),
        _ => include_str!("../../../queries/tpch.sql"),
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let statements = lines.join(" ");
    let statements = statements.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    let mut found: Vec<Question> = statements.map(without_bound).collect();
    // The same question under another bound is asked once.
    found.dedup_by(|one, other| one.sql == other.sql);
    found
}

fn without_bound(statement: &str) -> Question {
    let cut = statement.rfind(" ERROR WITHIN").or_else(|| statement.rfind(" WITHIN ")).unwrap_or(statement.len());
    let sql = statement[..cut].split_whitespace().collect::<Vec<_>>().join(" ");
    Question { title: sql.clone(), sql }
}

/// Nested aggregates, subqueries, joins, ROLLUP, near-unique keys and distinct values.
pub(crate) fn harder() -> Vec<Question> {
    let all = [
        "SELECT AVG(n) AS a FROM (SELECT country, city, COUNT(*) AS n FROM sessions GROUP BY country, city)",
        "SELECT country, SUM(bytes) AS s, SUM(bytes) / SUM(SUM(bytes)) OVER () AS share FROM sessions GROUP BY country",
        "SELECT os, genre, COUNT(*) AS n FROM sessions GROUP BY ROLLUP (os, genre)",
        "SELECT os, AVG(bitrate) AS b FROM sessions WHERE city IN (SELECT city FROM sessions GROUP BY city HAVING COUNT(*) > 20000) GROUP BY os",
        "SELECT AVG(sessiontime) AS t FROM sessions WHERE bitrate > (SELECT AVG(bitrate) FROM sessions)",
        "SELECT s.os, AVG(s.bytes) AS b FROM sessions s JOIN (SELECT genre, MAX(bitrate) AS top FROM sessions GROUP BY genre) g ON s.genre = g.genre WHERE s.bitrate * 2 > g.top GROUP BY s.os",
        "SELECT userid, COUNT(*) AS n FROM sessions GROUP BY userid HAVING COUNT(*) > 15",
        "SELECT COUNT(DISTINCT userid) AS n FROM sessions WHERE genre = 'western'",
        "SELECT bytes, COUNT(*) AS n FROM sessions GROUP BY bytes ORDER BY n DESC LIMIT 5",
        "SELECT os, COUNT(*) AS n FROM sessions GROUP BY os UNION ALL SELECT genre, COUNT(*) FROM sessions GROUP BY genre",
        "SELECT 'short' AS part, AVG(bitrate) AS b FROM sessions WHERE sessiontime < 600 UNION ALL SELECT 'long', AVG(bitrate) FROM sessions WHERE sessiontime >= 600",
        "SELECT os, failed, AVG(jointimems) AS j FROM sessions WHERE bitrate > 1000 GROUP BY CUBE (os, failed)",
        "SELECT os, AVG(bitrate) / (SELECT AVG(bitrate) FROM sessions WHERE genre = 'western') AS r FROM sessions GROUP BY os",
        "SELECT genre, COUNT(*) AS n FROM sessions WHERE bitrate > (SELECT AVG(bitrate) FROM sessions WHERE failed = false) GROUP BY genre",
        "SELECT AVG(bitrate) AS b FROM sessions WHERE genre IN (SELECT genre FROM sessions GROUP BY genre ORDER BY SUM(bitrate) DESC LIMIT 3)",
        "SELECT os, RANK() OVER (ORDER BY SUM(bitrate) DESC) AS r FROM sessions GROUP BY os",
        "SELECT genre, AVG(sessiontime) AS t, SUM(bitrate * sessiontime) AS v, AVG(jointimems) AS j, STDDEV(bitrate) AS d, MAX(isp) AS last FROM sessions GROUP BY genre",
    ];
    all.into_iter().map(|sql| Question { title: sql.to_owned(), sql: sql.to_owned() }).collect()
}
