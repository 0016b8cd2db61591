-- q20: Which share of the catalog revenue of its class did each item earn within 30 days?
SELECT i_item_id, i_item_desc, i_category, i_class, i_current_price, sum(cs_ext_sales_price) AS revenue,
       100 * CAST(sum(cs_ext_sales_price) AS DOUBLE) / sum(sum(cs_ext_sales_price)) OVER (PARTITION BY i_class) AS class_share
FROM catalog_sales
JOIN item ON i_item_sk = cs_item_sk
JOIN date_dim ON d_date_sk = cs_sold_date_sk
WHERE i_category IN ('Women', 'Sports', 'Music')
  AND d_date BETWEEN CAST('2001-03-12' AS DATE) AND CAST('2001-03-12' AS DATE) + INTERVAL '30' DAY
GROUP BY i_item_id, i_item_desc, i_category, i_class, i_current_price
ORDER BY i_category, i_class, i_item_id, i_item_desc, class_share
LIMIT 100
