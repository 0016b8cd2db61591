-- q55: What did each brand of one manager sell in a month?
SELECT i_brand_id, i_brand, sum(ss_ext_sales_price) AS revenue
FROM store_sales
JOIN item ON i_item_sk = ss_item_sk AND i_manager_id = 45
JOIN date_dim ON d_date_sk = ss_sold_date_sk AND d_year = 2000 AND d_moy = 12
GROUP BY i_brand_id, i_brand
ORDER BY revenue DESC NULLS LAST, i_brand_id
LIMIT 100
