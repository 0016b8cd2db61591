-- q15: What did catalog customers of some postal areas or states, or with large sales, spend per postal code in a quarter?
SELECT ca_zip, sum(cs_sales_price) AS spent
FROM catalog_sales, customer, customer_address, date_dim
WHERE c_customer_sk = cs_bill_customer_sk AND ca_address_sk = c_current_addr_sk AND d_date_sk = cs_sold_date_sk
  AND d_year = 2000 AND d_qoy = 2
  AND (substring(ca_zip, 1, 2) IN ('35', '38', '60', '71', '85') OR ca_state IN ('TN', 'GA', 'CA') OR cs_sales_price > 400)
GROUP BY ca_zip
ORDER BY ca_zip
LIMIT 100
