-- q13: What are the mean quantity, price and wholesale cost, and the total cost, of store sales to some households and states?
SELECT avg(ss_quantity) AS mean_quantity, avg(ss_ext_sales_price) AS mean_price,
       avg(ss_ext_wholesale_cost) AS mean_cost, sum(ss_ext_wholesale_cost) AS total_cost
FROM store_sales
JOIN store ON s_store_sk = ss_store_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN customer_demographics ON cd_demo_sk = ss_cdemo_sk
JOIN household_demographics ON hd_demo_sk = ss_hdemo_sk
JOIN customer_address ON ca_address_sk = ss_addr_sk
WHERE d_year = 2000 AND ca_country = 'United States'
  AND ((cd_marital_status = 'S' AND cd_education_status = 'College' AND ss_sales_price BETWEEN 80 AND 160 AND hd_dep_count = 2)
    OR (cd_marital_status = 'M' AND cd_education_status = 'Primary' AND ss_sales_price BETWEEN 40 AND 110 AND hd_dep_count = 1)
    OR (cd_marital_status = 'D' AND cd_education_status = '2 yr Degree' AND ss_sales_price BETWEEN 20 AND 90 AND hd_dep_count = 1))
  AND ((ca_state IN ('TX', 'GA', 'TN') AND ss_net_profit BETWEEN 50 AND 250)
    OR (ca_state IN ('VA', 'KY', 'OH') AND ss_net_profit BETWEEN 100 AND 350)
    OR (ca_state IN ('IL', 'MO', 'NC') AND ss_net_profit BETWEEN 20 AND 300))
