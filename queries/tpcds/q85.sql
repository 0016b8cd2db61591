-- q85: What are the mean quantity, refund and fee per reason of web returns by some groups and states?
SELECT substring(r_reason_desc, 1, 20) AS reason, avg(ws_quantity) AS mean_quantity,
       avg(wr_refunded_cash) AS mean_refund, avg(wr_fee) AS mean_fee
FROM web_returns
JOIN web_sales ON ws_item_sk = wr_item_sk AND ws_order_number = wr_order_number
JOIN web_page ON wp_web_page_sk = ws_web_page_sk
JOIN date_dim ON d_date_sk = ws_sold_date_sk
JOIN reason ON r_reason_sk = wr_reason_sk
JOIN customer_demographics payee ON payee.cd_demo_sk = wr_refunded_cdemo_sk
JOIN customer_demographics sender ON sender.cd_demo_sk = wr_returning_cdemo_sk
JOIN customer_address ON ca_address_sk = wr_refunded_addr_sk
WHERE d_year = 2000 AND ca_country = 'United States'
  AND payee.cd_marital_status = sender.cd_marital_status AND payee.cd_education_status = sender.cd_education_status
  AND ((payee.cd_marital_status = 'D' AND payee.cd_education_status = 'College' AND ws_sales_price BETWEEN 50 AND 150)
    OR (payee.cd_marital_status = 'M' AND payee.cd_education_status = 'Secondary' AND ws_sales_price BETWEEN 20 AND 120)
    OR (payee.cd_marital_status = 'S' AND payee.cd_education_status = '2 yr Degree' AND ws_sales_price BETWEEN 100 AND 200))
  AND ((ca_state IN ('TX', 'GA', 'VA', 'KY') AND ws_net_profit BETWEEN 50 AND 300)
    OR (ca_state IN ('IL', 'MO', 'NC', 'TN') AND ws_net_profit BETWEEN 100 AND 400)
    OR (ca_state IN ('OH', 'IA', 'KS', 'IN') AND ws_net_profit BETWEEN 0 AND 250))
GROUP BY substring(r_reason_desc, 1, 20)
ORDER BY reason, mean_quantity, mean_refund, mean_fee
LIMIT 100
