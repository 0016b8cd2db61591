-- q63: Which monthly store sales of a manager differ from the manager's own mean by more than a tenth?
SELECT i_manager_id, d_moy, sales, period_mean
FROM (
  SELECT i_manager_id, d_moy, sum(ss_sales_price) AS sales, avg(sum(ss_sales_price)) OVER (PARTITION BY i_manager_id) AS period_mean
  FROM store_sales
  JOIN item ON i_item_sk = ss_item_sk
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  JOIN store ON s_store_sk = ss_store_sk
  WHERE d_month_seq BETWEEN 1188 AND 1199
    AND ((i_category IN ('Books', 'Home', 'Electronics') AND i_class IN ('history', 'mystery', 'rugs', 'lighting', 'stereo', 'cameras'))
      OR (i_category IN ('Men', 'Jewelry', 'Shoes') AND i_class IN ('shirts', 'pants', 'rings', 'estate', 'athletic', 'kids')))
  GROUP BY i_manager_id, d_moy
) AS totals
WHERE period_mean > 0 AND abs(sales - period_mean) > 0.1 * period_mean
ORDER BY i_manager_id, period_mean, sales, d_moy
LIMIT 100
