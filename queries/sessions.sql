-- Questions about the demo's video sessions.
SELECT os, COUNT(*) FROM sessions WHERE genre = 'western' GROUP BY os WITHIN 5 SECONDS;
SELECT os, COUNT(*) FROM sessions WHERE genre = 'western' GROUP BY os ERROR WITHIN 10% AT CONFIDENCE 95%;
SELECT country, AVG(sessiontime), SUM(bytes) / 1e12 AS terabytes FROM sessions GROUP BY country ORDER BY country ERROR WITHIN 10%;
SELECT city, COUNT(*) AS failures FROM sessions WHERE failed GROUP BY city ORDER BY failures DESC LIMIT 10 ERROR WITHIN 20%;
SELECT browser, 100.0 * COUNT(*) FILTER (WHERE bufferingratio > 0.05) / COUNT(*) AS stalled FROM sessions GROUP BY browser ERROR WITHIN 10%;
SELECT SUM(CASE WHEN os = 'iOS' THEN bytes ELSE 0 END) / SUM(bytes) AS share FROM sessions WHERE date >= DATE '2026-03-01' ERROR WITHIN 5%;
WITH long AS (SELECT * FROM sessions WHERE sessiontime > 3600) SELECT genre, AVG(bitrate) FROM long GROUP BY genre HAVING COUNT(*) > 1000 ERROR WITHIN 10%;
