-- q43: What did each store of one time zone sell on every day of the week in a year?
SELECT s_store_name, s_store_id,
       sum(CASE WHEN d_dow = 0 THEN ss_sales_price END) AS sun, sum(CASE WHEN d_dow = 1 THEN ss_sales_price END) AS mon,
       sum(CASE WHEN d_dow = 2 THEN ss_sales_price END) AS tue, sum(CASE WHEN d_dow = 3 THEN ss_sales_price END) AS wed,
       sum(CASE WHEN d_dow = 4 THEN ss_sales_price END) AS thu, sum(CASE WHEN d_dow = 5 THEN ss_sales_price END) AS fri,
       sum(CASE WHEN d_dow = 6 THEN ss_sales_price END) AS sat
FROM store_sales
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
WHERE s_gmt_offset = -5 AND d_year = 2001
GROUP BY s_store_name, s_store_id
ORDER BY s_store_name, s_store_id, sun, mon, tue, wed, thu, fri, sat
LIMIT 100
