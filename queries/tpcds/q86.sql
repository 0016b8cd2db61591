-- q86: How do categories and classes rank by web net paid over a year, with subtotals?
WITH totals AS (
  SELECT i_category, i_class, grouping(i_category) + grouping(i_class) AS depth, sum(ws_net_paid) AS paid
  FROM web_sales
  JOIN date_dim ON d_date_sk = ws_sold_date_sk
  JOIN item ON i_item_sk = ws_item_sk
  WHERE d_month_seq BETWEEN 1212 AND 1223
  GROUP BY ROLLUP (i_category, i_class)
)
SELECT paid, i_category, i_class, depth,
       rank() OVER (PARTITION BY depth, CASE WHEN depth = 0 THEN i_category END ORDER BY paid DESC) AS place
FROM totals
ORDER BY depth DESC, CASE WHEN depth = 0 THEN i_category END, place
LIMIT 100
