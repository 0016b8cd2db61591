-- q12: Which share of the web revenue of its class did each item earn within 30 days?
SELECT i_item_id, i_item_desc, i_category, i_class, i_current_price, sum(ws_ext_sales_price) AS revenue,
       100 * CAST(sum(ws_ext_sales_price) AS DOUBLE) / sum(sum(ws_ext_sales_price)) OVER (PARTITION BY i_class) AS class_share
FROM web_sales
JOIN item ON i_item_sk = ws_item_sk
JOIN date_dim ON d_date_sk = ws_sold_date_sk
WHERE i_category IN ('Electronics', 'Home', 'Shoes')
  AND d_date BETWEEN CAST('2000-05-10' AS DATE) AND CAST('2000-05-10' AS DATE) + INTERVAL '30' DAY
GROUP BY i_item_id, i_item_desc, i_category, i_class, i_current_price
ORDER BY i_category, i_class, i_item_id, i_item_desc, class_share
LIMIT 100
