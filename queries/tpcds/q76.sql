-- q76: How many sales, and of what value, lack a store, ship address or ship customer, per channel, quarter and category?
SELECT channel, missing, d_year, d_qoy, i_category, count(*) AS sales_count, sum(amount) AS sales_amount
FROM (
  SELECT 'store' AS channel, 'ss_store_sk' AS missing, ss_item_sk AS item_sk, ss_sold_date_sk AS day_sk, ss_ext_sales_price AS amount
  FROM store_sales WHERE ss_store_sk IS NULL
  UNION ALL
  SELECT 'web', 'ws_ship_addr_sk', ws_item_sk, ws_sold_date_sk, ws_ext_sales_price
  FROM web_sales WHERE ws_ship_addr_sk IS NULL
  UNION ALL
  SELECT 'catalog', 'cs_ship_customer_sk', cs_item_sk, cs_sold_date_sk, cs_ext_sales_price
  FROM catalog_sales WHERE cs_ship_customer_sk IS NULL
) AS incomplete
JOIN item ON i_item_sk = item_sk
JOIN date_dim ON d_date_sk = day_sk
GROUP BY channel, missing, d_year, d_qoy, i_category
ORDER BY channel, missing, d_year, d_qoy, i_category
LIMIT 100
