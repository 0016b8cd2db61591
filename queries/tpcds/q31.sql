-- q31: In which counties did web sales grow faster than store sales over two successive quarters?
WITH sold AS (
  SELECT 'web' AS channel, ws_sold_date_sk AS day_sk, ws_bill_addr_sk AS addr_sk, ws_ext_sales_price AS amount FROM web_sales
  UNION ALL
  SELECT 'store', ss_sold_date_sk, ss_addr_sk, ss_ext_sales_price FROM store_sales
), quarters AS (
  SELECT ca_county,
         CAST(sum(CASE WHEN channel = 'web' AND d_qoy = 1 THEN amount END) AS DOUBLE) AS web1,
         CAST(sum(CASE WHEN channel = 'web' AND d_qoy = 2 THEN amount END) AS DOUBLE) AS web2,
         CAST(sum(CASE WHEN channel = 'web' AND d_qoy = 3 THEN amount END) AS DOUBLE) AS web3,
         CAST(sum(CASE WHEN channel = 'store' AND d_qoy = 1 THEN amount END) AS DOUBLE) AS store1,
         CAST(sum(CASE WHEN channel = 'store' AND d_qoy = 2 THEN amount END) AS DOUBLE) AS store2,
         CAST(sum(CASE WHEN channel = 'store' AND d_qoy = 3 THEN amount END) AS DOUBLE) AS store3
  FROM sold
  JOIN date_dim ON d_date_sk = day_sk
  JOIN customer_address ON ca_address_sk = addr_sk
  WHERE d_year = 2001
  GROUP BY ca_county
)
SELECT ca_county, web2 / web1 AS web_growth_2, store2 / store1 AS store_growth_2,
       web3 / web2 AS web_growth_3, store3 / store2 AS store_growth_3
FROM quarters
WHERE web1 > 0 AND web2 > 0 AND store1 > 0 AND store2 > 0
  AND web2 / web1 > store2 / store1 AND web3 / web2 > store3 / store2
ORDER BY ca_county
