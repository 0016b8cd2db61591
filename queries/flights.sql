-- Questions about US flights: origin, destination, delay (minutes), distance (miles), date.
SELECT origin, COUNT(*), AVG(distance) FROM flights GROUP BY origin ORDER BY origin ERROR WITHIN 10%;
SELECT origin, AVG(delay) FROM flights WHERE delay > 0 GROUP BY origin ORDER BY origin ERROR WITHIN 20%;
SELECT AVG(delay), COUNT(*) FROM flights WHERE distance > 1000 ERROR WITHIN 5%;
SELECT date_trunc('month', date) AS month, SUM(distance) FROM flights GROUP BY date_trunc('month', date) ORDER BY month WITHIN 200 MS;
