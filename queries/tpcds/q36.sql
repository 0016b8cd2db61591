-- q36: How do categories and classes rank by gross margin in some states, with subtotals?
WITH margins AS (
  SELECT i_category, i_class, grouping(i_category) + grouping(i_class) AS depth,
         CAST(sum(ss_net_profit) AS DOUBLE) / sum(ss_ext_sales_price) AS margin
  FROM store_sales
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  JOIN item ON i_item_sk = ss_item_sk
  JOIN store ON s_store_sk = ss_store_sk
  WHERE d_year = 2000 AND s_state IN ('TN', 'GA', 'TX', 'OH')
  GROUP BY ROLLUP (i_category, i_class)
)
SELECT margin, i_category, i_class, depth,
       rank() OVER (PARTITION BY depth, CASE WHEN depth = 0 THEN i_category END ORDER BY margin) AS place
FROM margins
ORDER BY depth DESC, CASE WHEN depth = 0 THEN i_category END, place
LIMIT 100
