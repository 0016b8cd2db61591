-- q60: What did each children's item sell over all channels in one month and time zone?
WITH sold AS (
  SELECT ss_item_sk AS item_sk, ss_sold_date_sk AS day_sk, ss_addr_sk AS addr_sk, ss_ext_sales_price AS amount FROM store_sales
  UNION ALL
  SELECT cs_item_sk, cs_sold_date_sk, cs_bill_addr_sk, cs_ext_sales_price FROM catalog_sales
  UNION ALL
  SELECT ws_item_sk, ws_sold_date_sk, ws_bill_addr_sk, ws_ext_sales_price FROM web_sales
)
SELECT i_item_id, sum(amount) AS total_sales
FROM sold
JOIN item ON i_item_sk = item_sk
JOIN date_dim ON d_date_sk = day_sk
JOIN customer_address ON ca_address_sk = addr_sk
WHERE i_item_id IN (SELECT i_item_id FROM item WHERE i_category = 'Children')
  AND d_year = 2001 AND d_moy = 10 AND ca_gmt_offset = -5
GROUP BY i_item_id
ORDER BY i_item_id, total_sales
LIMIT 100
