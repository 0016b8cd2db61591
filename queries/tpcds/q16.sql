-- q16: How many catalog orders left from several warehouses and had no return, and what did they cost and earn?
SELECT count(DISTINCT o.cs_order_number) AS orders, sum(o.cs_ext_ship_cost) AS shipping, sum(o.cs_net_profit) AS profit
FROM catalog_sales o
JOIN date_dim ON d_date_sk = o.cs_ship_date_sk
JOIN customer_address ON ca_address_sk = o.cs_ship_addr_sk
JOIN call_center ON cc_call_center_sk = o.cs_call_center_sk
WHERE d_date BETWEEN CAST('2001-03-01' AS DATE) AND CAST('2001-03-01' AS DATE) + INTERVAL '60' DAY
  AND ca_state = 'TX' AND cc_county = 'Williamson County'
  AND EXISTS (SELECT 1 FROM catalog_sales other
              WHERE other.cs_order_number = o.cs_order_number AND other.cs_warehouse_sk <> o.cs_warehouse_sk)
  AND NOT EXISTS (SELECT 1 FROM catalog_returns WHERE cr_order_number = o.cs_order_number)
