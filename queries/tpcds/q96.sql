-- q96: How many sales did one store make between half past four and five in the afternoon to households with six dependants?
SELECT count(*) AS sales_count
FROM store_sales, household_demographics, time_dim, store
WHERE hd_demo_sk = ss_hdemo_sk AND t_time_sk = ss_sold_time_sk AND s_store_sk = ss_store_sk
  AND t_hour = 16 AND t_minute >= 30 AND hd_dep_count = 6 AND s_store_name = 'ese'
ORDER BY sales_count
LIMIT 100
