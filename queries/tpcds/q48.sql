-- q48: How many units were sold in stores to some demographic and price groups in some states?
SELECT sum(ss_quantity) AS units
FROM store_sales
JOIN store ON s_store_sk = ss_store_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN customer_demographics ON cd_demo_sk = ss_cdemo_sk
JOIN customer_address ON ca_address_sk = ss_addr_sk
WHERE d_year = 1999 AND ca_country = 'United States'
  AND ((cd_marital_status = 'U' AND cd_education_status = 'Secondary' AND ss_sales_price BETWEEN 60 AND 140)
    OR (cd_marital_status = 'W' AND cd_education_status = 'College' AND ss_sales_price BETWEEN 30 AND 90)
    OR (cd_marital_status = 'S' AND cd_education_status = 'Advanced Degree' AND ss_sales_price BETWEEN 100 AND 190))
  AND ((ca_state IN ('TN', 'KY', 'GA') AND ss_net_profit BETWEEN 0 AND 1500)
    OR (ca_state IN ('TX', 'IA', 'MN') AND ss_net_profit BETWEEN 100 AND 2500)
    OR (ca_state IN ('IN', 'NC', 'PA') AND ss_net_profit BETWEEN 50 AND 20000))
