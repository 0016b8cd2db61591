-- q02: How do web and catalog sales of each weekday compare with the same weekday 53 weeks later?
WITH sold AS (
  SELECT ws_sold_date_sk AS day_sk, ws_ext_sales_price AS amount FROM web_sales
  UNION ALL
  SELECT cs_sold_date_sk, cs_ext_sales_price FROM catalog_sales
), weekly AS (
  SELECT d_week_seq,
         sum(CASE WHEN d_dow = 0 THEN amount END) AS sun, sum(CASE WHEN d_dow = 1 THEN amount END) AS mon,
         sum(CASE WHEN d_dow = 2 THEN amount END) AS tue, sum(CASE WHEN d_dow = 3 THEN amount END) AS wed,
         sum(CASE WHEN d_dow = 4 THEN amount END) AS thu, sum(CASE WHEN d_dow = 5 THEN amount END) AS fri,
         sum(CASE WHEN d_dow = 6 THEN amount END) AS sat
  FROM sold JOIN date_dim ON d_date_sk = day_sk
  WHERE d_week_seq IN (SELECT d_week_seq FROM date_dim WHERE d_year IN (1999, 2000))
  GROUP BY d_week_seq
), paired AS (
  SELECT d_week_seq, lead(d_week_seq, 53) OVER (ORDER BY d_week_seq) AS later_week_seq,
         CAST(sun AS DOUBLE) / lead(sun, 53) OVER (ORDER BY d_week_seq) AS sun_ratio,
         CAST(mon AS DOUBLE) / lead(mon, 53) OVER (ORDER BY d_week_seq) AS mon_ratio,
         CAST(tue AS DOUBLE) / lead(tue, 53) OVER (ORDER BY d_week_seq) AS tue_ratio,
         CAST(wed AS DOUBLE) / lead(wed, 53) OVER (ORDER BY d_week_seq) AS wed_ratio,
         CAST(thu AS DOUBLE) / lead(thu, 53) OVER (ORDER BY d_week_seq) AS thu_ratio,
         CAST(fri AS DOUBLE) / lead(fri, 53) OVER (ORDER BY d_week_seq) AS fri_ratio,
         CAST(sat AS DOUBLE) / lead(sat, 53) OVER (ORDER BY d_week_seq) AS sat_ratio
  FROM weekly
)
SELECT * FROM paired WHERE later_week_seq = d_week_seq + 53 ORDER BY d_week_seq
