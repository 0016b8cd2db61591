-- q95: How many returned web orders left from several warehouses, and what did they cost and earn?
WITH spread AS (
  SELECT ws_order_number FROM web_sales GROUP BY ws_order_number HAVING count(DISTINCT ws_warehouse_sk) > 1
)
SELECT count(DISTINCT ws_order_number) AS orders, sum(ws_ext_ship_cost) AS shipping, sum(ws_net_profit) AS profit
FROM web_sales
JOIN date_dim ON d_date_sk = ws_ship_date_sk
JOIN customer_address ON ca_address_sk = ws_ship_addr_sk
JOIN web_site ON web_site_sk = ws_web_site_sk
WHERE d_date BETWEEN CAST('2001-02-01' AS DATE) AND CAST('2001-02-01' AS DATE) + INTERVAL '60' DAY
  AND ca_state = 'TX' AND web_company_name = 'pri'
  AND ws_order_number IN (SELECT ws_order_number FROM spread)
  AND ws_order_number IN (SELECT wr_order_number FROM web_returns JOIN spread ON spread.ws_order_number = wr_order_number)
LIMIT 100
