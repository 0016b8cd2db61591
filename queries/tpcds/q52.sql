-- q52: Which brands of one manager sold most in a month?
SELECT d.d_year, i.i_brand_id, i.i_brand, sum(s.ss_ext_sales_price) AS revenue
FROM store_sales s
JOIN date_dim d ON d.d_date_sk = s.ss_sold_date_sk
JOIN item i ON i.i_item_sk = s.ss_item_sk
WHERE i.i_manager_id = 1 AND d.d_year = 2001 AND d.d_moy = 11
GROUP BY d.d_year, i.i_brand_id, i.i_brand
ORDER BY d.d_year, revenue DESC NULLS LAST, i.i_brand_id
LIMIT 100
