-- q62: How many web sales per warehouse, ship mode and site left within 30, 60, 90, 120 or more days?
SELECT substring(w_warehouse_name, 1, 20) AS warehouse, sm_type, web_name,
       sum(CASE WHEN ws_ship_date_sk - ws_sold_date_sk <= 30 THEN 1 ELSE 0 END) AS days_30,
       sum(CASE WHEN ws_ship_date_sk - ws_sold_date_sk BETWEEN 31 AND 60 THEN 1 ELSE 0 END) AS days_60,
       sum(CASE WHEN ws_ship_date_sk - ws_sold_date_sk BETWEEN 61 AND 90 THEN 1 ELSE 0 END) AS days_90,
       sum(CASE WHEN ws_ship_date_sk - ws_sold_date_sk BETWEEN 91 AND 120 THEN 1 ELSE 0 END) AS days_120,
       sum(CASE WHEN ws_ship_date_sk - ws_sold_date_sk > 120 THEN 1 ELSE 0 END) AS days_more
FROM web_sales
JOIN date_dim ON d_date_sk = ws_ship_date_sk
JOIN warehouse ON w_warehouse_sk = ws_warehouse_sk
JOIN ship_mode ON sm_ship_mode_sk = ws_ship_mode_sk
JOIN web_site ON web_site_sk = ws_web_site_sk
WHERE d_month_seq BETWEEN 1200 AND 1211
GROUP BY substring(w_warehouse_name, 1, 20), sm_type, web_name
ORDER BY warehouse, sm_type, web_name
LIMIT 100
