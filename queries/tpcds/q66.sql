-- q66: What did web and catalog sell and earn per warehouse and month by two carriers in part of the day, also per square foot?
WITH sold AS (
  SELECT ws_warehouse_sk AS warehouse_sk, ws_sold_date_sk AS day_sk, ws_sold_time_sk AS time_sk, ws_ship_mode_sk AS mode_sk,
         ws_quantity * ws_ext_sales_price AS sales, ws_quantity * ws_net_paid AS net
  FROM web_sales
  UNION ALL
  SELECT cs_warehouse_sk, cs_sold_date_sk, cs_sold_time_sk, cs_ship_mode_sk, cs_quantity * cs_sales_price, cs_quantity * cs_net_paid_inc_tax
  FROM catalog_sales
)
SELECT w_warehouse_name, w_warehouse_sq_ft, w_city, w_county, w_state, w_country, d_year,
       sum(CASE WHEN d_moy = 1 THEN sales ELSE 0 END) AS jan_sales,
       sum(CASE WHEN d_moy = 2 THEN sales ELSE 0 END) AS feb_sales,
       sum(CASE WHEN d_moy = 3 THEN sales ELSE 0 END) AS mar_sales,
       sum(CASE WHEN d_moy = 4 THEN sales ELSE 0 END) AS apr_sales,
       sum(CASE WHEN d_moy = 5 THEN sales ELSE 0 END) AS may_sales,
       sum(CASE WHEN d_moy = 6 THEN sales ELSE 0 END) AS jun_sales,
       sum(CASE WHEN d_moy = 7 THEN sales ELSE 0 END) AS jul_sales,
       sum(CASE WHEN d_moy = 8 THEN sales ELSE 0 END) AS aug_sales,
       sum(CASE WHEN d_moy = 9 THEN sales ELSE 0 END) AS sep_sales,
       sum(CASE WHEN d_moy = 10 THEN sales ELSE 0 END) AS oct_sales,
       sum(CASE WHEN d_moy = 11 THEN sales ELSE 0 END) AS nov_sales,
       sum(CASE WHEN d_moy = 12 THEN sales ELSE 0 END) AS dec_sales,
       sum(CASE WHEN d_moy = 1 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS jan_per_foot,
       sum(CASE WHEN d_moy = 2 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS feb_per_foot,
       sum(CASE WHEN d_moy = 3 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS mar_per_foot,
       sum(CASE WHEN d_moy = 4 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS apr_per_foot,
       sum(CASE WHEN d_moy = 5 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS may_per_foot,
       sum(CASE WHEN d_moy = 6 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS jun_per_foot,
       sum(CASE WHEN d_moy = 7 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS jul_per_foot,
       sum(CASE WHEN d_moy = 8 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS aug_per_foot,
       sum(CASE WHEN d_moy = 9 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS sep_per_foot,
       sum(CASE WHEN d_moy = 10 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS oct_per_foot,
       sum(CASE WHEN d_moy = 11 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS nov_per_foot,
       sum(CASE WHEN d_moy = 12 THEN CAST(sales AS DOUBLE) / w_warehouse_sq_ft ELSE 0 END) AS dec_per_foot,
       sum(CASE WHEN d_moy = 1 THEN net ELSE 0 END) AS jan_net,
       sum(CASE WHEN d_moy = 2 THEN net ELSE 0 END) AS feb_net,
       sum(CASE WHEN d_moy = 3 THEN net ELSE 0 END) AS mar_net,
       sum(CASE WHEN d_moy = 4 THEN net ELSE 0 END) AS apr_net,
       sum(CASE WHEN d_moy = 5 THEN net ELSE 0 END) AS may_net,
       sum(CASE WHEN d_moy = 6 THEN net ELSE 0 END) AS jun_net,
       sum(CASE WHEN d_moy = 7 THEN net ELSE 0 END) AS jul_net,
       sum(CASE WHEN d_moy = 8 THEN net ELSE 0 END) AS aug_net,
       sum(CASE WHEN d_moy = 9 THEN net ELSE 0 END) AS sep_net,
       sum(CASE WHEN d_moy = 10 THEN net ELSE 0 END) AS oct_net,
       sum(CASE WHEN d_moy = 11 THEN net ELSE 0 END) AS nov_net,
       sum(CASE WHEN d_moy = 12 THEN net ELSE 0 END) AS dec_net
FROM sold
JOIN warehouse ON w_warehouse_sk = warehouse_sk
JOIN date_dim ON d_date_sk = day_sk
JOIN time_dim ON t_time_sk = time_sk
JOIN ship_mode ON sm_ship_mode_sk = mode_sk
WHERE d_year = 2000 AND t_time BETWEEN 32400 AND 61200 AND sm_carrier IN ('UPS', 'FEDEX')
GROUP BY w_warehouse_name, w_warehouse_sq_ft, w_city, w_county, w_state, w_country, d_year
ORDER BY w_warehouse_name
LIMIT 100
