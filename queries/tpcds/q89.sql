-- q89: Which months of a class and store fall or rise more than a tenth from the monthly mean of its brand in a year?
SELECT i_category, i_class, i_brand, s_store_name, s_company_name, d_moy, sales, month_mean
FROM (
  SELECT i_category, i_class, i_brand, s_store_name, s_company_name, d_moy, sum(ss_sales_price) AS sales,
         avg(sum(ss_sales_price)) OVER (PARTITION BY i_category, i_brand, s_store_name, s_company_name) AS month_mean
  FROM store_sales
  JOIN item ON i_item_sk = ss_item_sk
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  JOIN store ON s_store_sk = ss_store_sk
  WHERE d_year = 2000
    AND ((i_category IN ('Home', 'Music', 'Books') AND i_class IN ('bedding', 'rock', 'travel'))
      OR (i_category IN ('Women', 'Sports', 'Jewelry') AND i_class IN ('dresses', 'tennis', 'bracelets')))
  GROUP BY i_category, i_class, i_brand, s_store_name, s_company_name, d_moy
) AS months
WHERE month_mean <> 0 AND abs(sales - month_mean) > 0.1 * month_mean
ORDER BY sales - month_mean, s_store_name, i_category, i_class, i_brand, d_moy
LIMIT 100
