-- q03: Which brands of one manufacturer earned most in November, year by year?
SELECT d.d_year, i.i_brand_id, i.i_brand, sum(s.ss_ext_sales_price) AS revenue
FROM store_sales s
JOIN date_dim d ON d.d_date_sk = s.ss_sold_date_sk
JOIN item i ON i.i_item_sk = s.ss_item_sk
WHERE d.d_moy = 11 AND i.i_manufact_id = 211
GROUP BY d.d_year, i.i_brand_id, i.i_brand
ORDER BY d.d_year, revenue DESC NULLS LAST, i.i_brand_id
LIMIT 100
