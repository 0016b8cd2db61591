-- q27: What do divorced women with a primary education buy in stores per item and state on average, with subtotals?
SELECT i_item_id, s_state, grouping(s_state) AS all_states,
       avg(ss_quantity) AS mean_quantity, avg(ss_list_price) AS mean_list_price,
       avg(ss_coupon_amt) AS mean_coupon, avg(ss_sales_price) AS mean_sales_price
FROM store_sales
JOIN customer_demographics ON cd_demo_sk = ss_cdemo_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE cd_gender = 'F' AND cd_marital_status = 'D' AND cd_education_status = 'Primary'
  AND d_year = 2000 AND s_state IN ('TN', 'GA', 'AL', 'SD')
GROUP BY ROLLUP (i_item_id, s_state)
ORDER BY i_item_id, s_state
LIMIT 100
