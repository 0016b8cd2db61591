-- q98: Which share of the store revenue of its class did each item earn within 30 days?
SELECT i_item_id, i_item_desc, i_category, i_class, i_current_price, sum(ss_ext_sales_price) AS revenue,
       100 * CAST(sum(ss_ext_sales_price) AS DOUBLE) / sum(sum(ss_ext_sales_price)) OVER (PARTITION BY i_class) AS class_share
FROM store_sales
JOIN item ON i_item_sk = ss_item_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk
WHERE i_category IN ('Jewelry', 'Books', 'Children')
  AND d_date BETWEEN CAST('1998-08-03' AS DATE) AND CAST('1998-08-03' AS DATE) + INTERVAL '30' DAY
GROUP BY i_item_id, i_item_desc, i_category, i_class, i_current_price
ORDER BY i_category, i_class, i_item_id, i_item_desc, class_share
