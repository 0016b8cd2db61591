-- q57: Which call-centre months of a brand differ from the yearly mean by more than a tenth, and what were the months around them?
WITH months AS (
  SELECT i_category, i_brand, cc_name, d_year, d_moy, sum(cs_sales_price) AS sales
  FROM catalog_sales
  JOIN item ON i_item_sk = cs_item_sk
  JOIN date_dim ON d_date_sk = cs_sold_date_sk
  JOIN call_center ON cc_call_center_sk = cs_call_center_sk
  WHERE d_year = 2001 OR (d_year = 2001 - 1 AND d_moy = 12) OR (d_year = 2001 + 1 AND d_moy = 1)
  GROUP BY i_category, i_brand, cc_name, d_year, d_moy
), placed AS (
  SELECT i_category, i_brand, cc_name, d_year, d_moy, sales,
         avg(sales) OVER (PARTITION BY i_category, i_brand, cc_name, d_year) AS year_mean,
         lag(sales) OVER (PARTITION BY i_category, i_brand, cc_name ORDER BY d_year, d_moy) AS sales_before,
         lead(sales) OVER (PARTITION BY i_category, i_brand, cc_name ORDER BY d_year, d_moy) AS sales_after
  FROM months
)
SELECT i_category, i_brand, cc_name, d_year, d_moy, year_mean, sales, sales_before, sales_after
FROM placed
WHERE d_year = 2001 AND year_mean > 0 AND abs(sales - year_mean) > 0.1 * year_mean
  AND sales_before IS NOT NULL AND sales_after IS NOT NULL
ORDER BY sales - year_mean, i_category, i_brand, cc_name, d_moy
LIMIT 100
