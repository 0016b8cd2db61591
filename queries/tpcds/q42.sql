-- q42: What did one manager's items sell per category in a month?
SELECT d_year, i_category_id, i_category, sum(ss_ext_sales_price) AS revenue
FROM store_sales, date_dim, item
WHERE d_date_sk = ss_sold_date_sk AND i_item_sk = ss_item_sk
  AND i_manager_id = 1 AND d_year = 1999 AND d_moy = 12
GROUP BY d_year, i_category_id, i_category
ORDER BY revenue DESC, d_year, i_category_id, i_category
LIMIT 100
