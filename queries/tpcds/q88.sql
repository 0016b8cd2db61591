-- q88: How many sales did one store make to some households in each half hour of the morning?
SELECT
  sum(CASE WHEN t_hour = 8 AND t_minute >= 30 THEN 1 ELSE 0 END) AS from_8_30,
  sum(CASE WHEN t_hour = 9 AND t_minute < 30 THEN 1 ELSE 0 END) AS from_9_00,
  sum(CASE WHEN t_hour = 9 AND t_minute >= 30 THEN 1 ELSE 0 END) AS from_9_30,
  sum(CASE WHEN t_hour = 10 AND t_minute < 30 THEN 1 ELSE 0 END) AS from_10_00,
  sum(CASE WHEN t_hour = 10 AND t_minute >= 30 THEN 1 ELSE 0 END) AS from_10_30,
  sum(CASE WHEN t_hour = 11 AND t_minute < 30 THEN 1 ELSE 0 END) AS from_11_00,
  sum(CASE WHEN t_hour = 11 AND t_minute >= 30 THEN 1 ELSE 0 END) AS from_11_30,
  sum(CASE WHEN t_hour = 12 AND t_minute < 30 THEN 1 ELSE 0 END) AS from_12_00
FROM store_sales
JOIN household_demographics ON hd_demo_sk = ss_hdemo_sk
JOIN time_dim ON t_time_sk = ss_sold_time_sk
JOIN store ON s_store_sk = ss_store_sk
WHERE t_hour BETWEEN 8 AND 12 AND s_store_name = 'able'
  AND ((hd_dep_count = 2 AND hd_vehicle_count <= 4)
    OR (hd_dep_count = 1 AND hd_vehicle_count <= 3)
    OR (hd_dep_count = 5 AND hd_vehicle_count <= 7))
