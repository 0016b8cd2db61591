-- q14: Which brand, class and category groups sold in all three channels earn above the mean sale in a month, per channel with subtotals?
WITH shared AS (
  SELECT i_brand_id, i_class_id, i_category_id
  FROM store_sales JOIN item ON i_item_sk = ss_item_sk JOIN date_dim ON d_date_sk = ss_sold_date_sk
  WHERE d_year BETWEEN 1998 AND 2000
  INTERSECT
  SELECT i_brand_id, i_class_id, i_category_id
  FROM catalog_sales JOIN item ON i_item_sk = cs_item_sk JOIN date_dim ON d_date_sk = cs_sold_date_sk
  WHERE d_year BETWEEN 1998 AND 2000
  INTERSECT
  SELECT i_brand_id, i_class_id, i_category_id
  FROM web_sales JOIN item ON i_item_sk = ws_item_sk JOIN date_dim ON d_date_sk = ws_sold_date_sk
  WHERE d_year BETWEEN 1998 AND 2000
), sold AS (
  SELECT 'store' AS channel, ss_sold_date_sk AS day_sk, ss_item_sk AS item_sk, ss_quantity * ss_list_price AS amount FROM store_sales
  UNION ALL
  SELECT 'catalog', cs_sold_date_sk, cs_item_sk, cs_quantity * cs_list_price FROM catalog_sales
  UNION ALL
  SELECT 'web', ws_sold_date_sk, ws_item_sk, ws_quantity * ws_list_price FROM web_sales
), grouped AS (
  SELECT channel, i.i_brand_id, i.i_class_id, i.i_category_id, sum(amount) AS sales, count(*) AS sales_count
  FROM sold
  JOIN item i ON i.i_item_sk = item_sk
  JOIN date_dim ON d_date_sk = day_sk
  JOIN shared ON shared.i_brand_id = i.i_brand_id AND shared.i_class_id = i.i_class_id
             AND shared.i_category_id = i.i_category_id
  WHERE d_year = 2000 AND d_moy = 11
  GROUP BY channel, i.i_brand_id, i.i_class_id, i.i_category_id
  HAVING sum(amount) > (SELECT avg(amount) FROM sold JOIN date_dim ON d_date_sk = day_sk WHERE d_year BETWEEN 1998 AND 2000)
)
SELECT channel, i_brand_id, i_class_id, i_category_id, sum(sales) AS sales, sum(sales_count) AS sales_count
FROM grouped
GROUP BY ROLLUP (channel, i_brand_id, i_class_id, i_category_id)
ORDER BY channel, i_brand_id, i_class_id, i_category_id
LIMIT 100
