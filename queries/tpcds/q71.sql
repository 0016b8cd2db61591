-- q71: What did each brand of one manager sell over all channels at every minute of breakfast and dinner time in a month?
WITH sold AS (
  SELECT ws_item_sk AS item_sk, ws_sold_date_sk AS day_sk, ws_sold_time_sk AS time_sk, ws_ext_sales_price AS amount FROM web_sales
  UNION ALL
  SELECT cs_item_sk, cs_sold_date_sk, cs_sold_time_sk, cs_ext_sales_price FROM catalog_sales
  UNION ALL
  SELECT ss_item_sk, ss_sold_date_sk, ss_sold_time_sk, ss_ext_sales_price FROM store_sales
)
SELECT i_brand_id, i_brand, t_hour, t_minute, sum(amount) AS revenue
FROM sold
JOIN item ON i_item_sk = item_sk
JOIN date_dim ON d_date_sk = day_sk
JOIN time_dim ON t_time_sk = time_sk
WHERE i_manager_id = 1 AND d_year = 2000 AND d_moy = 12 AND t_meal_time IN ('breakfast', 'dinner')
GROUP BY i_brand_id, i_brand, t_hour, t_minute
ORDER BY revenue DESC NULLS LAST, i_brand_id, t_hour, t_minute
