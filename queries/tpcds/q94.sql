-- q94: How many web orders left from several warehouses and had no return, and what did they cost and earn?
SELECT count(DISTINCT o.ws_order_number) AS orders, sum(o.ws_ext_ship_cost) AS shipping, sum(o.ws_net_profit) AS profit
FROM web_sales o
JOIN date_dim ON d_date_sk = o.ws_ship_date_sk
JOIN customer_address ON ca_address_sk = o.ws_ship_addr_sk
JOIN web_site ON web_site_sk = o.ws_web_site_sk
WHERE d_date BETWEEN CAST('2000-04-01' AS DATE) AND CAST('2000-04-01' AS DATE) + INTERVAL '60' DAY
  AND ca_state = 'GA' AND web_company_name = 'pri'
  AND EXISTS (SELECT 1 FROM web_sales other
              WHERE other.ws_order_number = o.ws_order_number AND other.ws_warehouse_sk <> o.ws_warehouse_sk)
  AND NOT EXISTS (SELECT 1 FROM web_returns WHERE wr_order_number = o.ws_order_number)
LIMIT 100
