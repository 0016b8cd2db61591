-- q53: Which quarterly store sales of a maker differ from its own mean by more than a tenth?
SELECT i_manufact_id, d_qoy, sales, period_mean
FROM (
  SELECT i_manufact_id, d_qoy, sum(ss_sales_price) AS sales, avg(sum(ss_sales_price)) OVER (PARTITION BY i_manufact_id) AS period_mean
  FROM store_sales
  JOIN item ON i_item_sk = ss_item_sk
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  JOIN store ON s_store_sk = ss_store_sk
  WHERE d_month_seq BETWEEN 1200 AND 1211
    AND ((i_category IN ('Books', 'Home', 'Electronics') AND i_class IN ('history', 'mystery', 'rugs', 'lighting', 'stereo', 'cameras'))
      OR (i_category IN ('Men', 'Jewelry', 'Shoes') AND i_class IN ('shirts', 'pants', 'rings', 'estate', 'athletic', 'kids')))
  GROUP BY i_manufact_id, d_qoy
) AS totals
WHERE period_mean > 0 AND abs(sales - period_mean) > 0.1 * period_mean
ORDER BY period_mean, sales, i_manufact_id, d_qoy
LIMIT 100
