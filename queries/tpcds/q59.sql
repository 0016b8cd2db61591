-- q59: How do the weekly sales of each store on every weekday compare with those 52 weeks later?
WITH weekly AS (
  SELECT s_store_name, s_store_id, d_week_seq,
         sum(CASE WHEN d_dow = 0 THEN ss_sales_price END) AS sun,
         sum(CASE WHEN d_dow = 1 THEN ss_sales_price END) AS mon,
         sum(CASE WHEN d_dow = 2 THEN ss_sales_price END) AS tue,
         sum(CASE WHEN d_dow = 3 THEN ss_sales_price END) AS wed,
         sum(CASE WHEN d_dow = 4 THEN ss_sales_price END) AS thu,
         sum(CASE WHEN d_dow = 5 THEN ss_sales_price END) AS fri,
         sum(CASE WHEN d_dow = 6 THEN ss_sales_price END) AS sat
  FROM store_sales
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  JOIN store ON s_store_sk = ss_store_sk
  WHERE d_week_seq IN (SELECT d_week_seq FROM date_dim WHERE d_month_seq BETWEEN 1188 AND 1211)
  GROUP BY s_store_name, s_store_id, d_week_seq
), paired AS (
  SELECT s_store_name, s_store_id, d_week_seq,
         lead(d_week_seq, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS later_week_seq,
         CAST(sun AS DOUBLE) / lead(sun, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS sun_ratio,
         CAST(mon AS DOUBLE) / lead(mon, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS mon_ratio,
         CAST(tue AS DOUBLE) / lead(tue, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS tue_ratio,
         CAST(wed AS DOUBLE) / lead(wed, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS wed_ratio,
         CAST(thu AS DOUBLE) / lead(thu, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS thu_ratio,
         CAST(fri AS DOUBLE) / lead(fri, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS fri_ratio,
         CAST(sat AS DOUBLE) / lead(sat, 52) OVER (PARTITION BY s_store_name, s_store_id ORDER BY d_week_seq) AS sat_ratio
  FROM weekly
)
SELECT *
FROM paired
WHERE later_week_seq = d_week_seq + 52
ORDER BY s_store_name, s_store_id, d_week_seq
LIMIT 100
