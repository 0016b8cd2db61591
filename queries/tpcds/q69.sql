-- q69: How many customers of three states, active in stores but neither online nor by catalog, have each demographic profile?
SELECT cd_gender, cd_marital_status, cd_education_status, cd_purchase_estimate, cd_credit_rating, count(*) AS customers
FROM customer c
JOIN customer_address ON ca_address_sk = c.c_current_addr_sk
JOIN customer_demographics ON cd_demo_sk = c.c_current_cdemo_sk
WHERE ca_state IN ('TX', 'TN', 'IL')
  AND EXISTS (SELECT 1 FROM store_sales JOIN date_dim ON d_date_sk = ss_sold_date_sk
              WHERE ss_customer_sk = c.c_customer_sk AND d_year = 2000 AND d_moy BETWEEN 1 AND 3)
  AND NOT EXISTS (SELECT 1 FROM web_sales JOIN date_dim ON d_date_sk = ws_sold_date_sk
                  WHERE ws_bill_customer_sk = c.c_customer_sk AND d_year = 2000 AND d_moy BETWEEN 1 AND 3)
  AND NOT EXISTS (SELECT 1 FROM catalog_sales JOIN date_dim ON d_date_sk = cs_sold_date_sk
                  WHERE cs_ship_customer_sk = c.c_customer_sk AND d_year = 2000 AND d_moy BETWEEN 1 AND 3)
GROUP BY cd_gender, cd_marital_status, cd_education_status, cd_purchase_estimate, cd_credit_rating
ORDER BY cd_gender, cd_marital_status, cd_education_status, cd_purchase_estimate, cd_credit_rating
LIMIT 100
