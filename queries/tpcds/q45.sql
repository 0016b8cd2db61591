-- q45: What did web customers of some postal codes, or buyers of some items, spend per postal code and city in a quarter?
SELECT ca_zip, ca_city, sum(ws_sales_price) AS spent
FROM web_sales
JOIN date_dim ON d_date_sk = ws_sold_date_sk
JOIN item ON i_item_sk = ws_item_sk
JOIN customer ON c_customer_sk = ws_bill_customer_sk
JOIN customer_address ON ca_address_sk = c_current_addr_sk
WHERE d_year = 2000 AND d_qoy = 4
  AND (substring(ca_zip, 1, 2) IN ('31', '35', '48', '59', '66', '83')
    OR i_item_id IN (SELECT i_item_id FROM item WHERE i_item_sk IN (3, 9, 14, 20, 26, 33, 41, 47)))
GROUP BY ca_zip, ca_city
ORDER BY ca_zip, ca_city
LIMIT 100
