-- q18: What are the catalog means per item and place for men with a college education, with subtotals by geography?
SELECT i_item_id, ca_country, ca_state, ca_county,
       avg(CAST(cs_quantity AS DOUBLE)) AS quantity, avg(CAST(cs_list_price AS DOUBLE)) AS list_price,
       avg(CAST(cs_coupon_amt AS DOUBLE)) AS coupon, avg(CAST(cs_sales_price AS DOUBLE)) AS sales_price,
       avg(CAST(cs_net_profit AS DOUBLE)) AS profit, avg(CAST(c_birth_year AS DOUBLE)) AS birth_year,
       avg(CAST(buyer.cd_dep_count AS DOUBLE)) AS dependants
FROM catalog_sales
JOIN date_dim ON d_date_sk = cs_sold_date_sk
JOIN item ON i_item_sk = cs_item_sk
JOIN customer_demographics buyer ON buyer.cd_demo_sk = cs_bill_cdemo_sk
JOIN customer ON c_customer_sk = cs_bill_customer_sk
JOIN customer_demographics today ON today.cd_demo_sk = c_current_cdemo_sk
JOIN customer_address ON ca_address_sk = c_current_addr_sk
WHERE buyer.cd_gender = 'M' AND buyer.cd_education_status = 'College' AND d_year = 1999
  AND c_birth_month IN (1, 3, 4, 7, 10, 12) AND ca_state IN ('TN', 'TX', 'GA', 'IL', 'VA', 'NC', 'KS')
GROUP BY ROLLUP (i_item_id, ca_country, ca_state, ca_county)
ORDER BY ca_country, ca_state, ca_county, i_item_id
LIMIT 100
