-- q99: How many catalog sales per warehouse, ship mode and call centre left within 30, 60, 90, 120 or more days?
SELECT substring(w_warehouse_name, 1, 20) AS warehouse, sm_type, cc_name,
       sum(CASE WHEN cs_ship_date_sk - cs_sold_date_sk <= 30 THEN 1 ELSE 0 END) AS days_30,
       sum(CASE WHEN cs_ship_date_sk - cs_sold_date_sk BETWEEN 31 AND 60 THEN 1 ELSE 0 END) AS days_60,
       sum(CASE WHEN cs_ship_date_sk - cs_sold_date_sk BETWEEN 61 AND 90 THEN 1 ELSE 0 END) AS days_90,
       sum(CASE WHEN cs_ship_date_sk - cs_sold_date_sk BETWEEN 91 AND 120 THEN 1 ELSE 0 END) AS days_120,
       sum(CASE WHEN cs_ship_date_sk - cs_sold_date_sk > 120 THEN 1 ELSE 0 END) AS days_more
FROM catalog_sales
JOIN date_dim ON d_date_sk = cs_ship_date_sk
JOIN warehouse ON w_warehouse_sk = cs_warehouse_sk
JOIN ship_mode ON sm_ship_mode_sk = cs_ship_mode_sk
JOIN call_center ON cc_call_center_sk = cs_call_center_sk
WHERE d_month_seq BETWEEN 1212 AND 1223
GROUP BY substring(w_warehouse_name, 1, 20), sm_type, cc_name
ORDER BY warehouse, sm_type, cc_name
LIMIT 100
