-- q80: What were sales, returns and profit of promoted, dearer items without television per channel and outlet over 30 days, with subtotals?
WITH sold AS (
  SELECT 'store' AS channel, s_store_id AS outlet, ss_sold_date_sk AS day_sk, ss_item_sk AS item_sk, ss_promo_sk AS promo_sk,
         ss_ext_sales_price AS sales, coalesce(sr_return_amt, 0.00) AS returned, ss_net_profit - coalesce(sr_net_loss, 0.00) AS profit
  FROM store_sales
  LEFT JOIN store_returns ON sr_ticket_number = ss_ticket_number AND sr_item_sk = ss_item_sk
  JOIN store ON s_store_sk = ss_store_sk
  UNION ALL
  SELECT 'catalog', cp_catalog_page_id, cs_sold_date_sk, cs_item_sk, cs_promo_sk,
         cs_ext_sales_price, coalesce(cr_return_amount, 0.00), cs_net_profit - coalesce(cr_net_loss, 0.00)
  FROM catalog_sales
  LEFT JOIN catalog_returns ON cr_order_number = cs_order_number AND cr_item_sk = cs_item_sk
  JOIN catalog_page ON cp_catalog_page_sk = cs_catalog_page_sk
  UNION ALL
  SELECT 'web', web_site_id, ws_sold_date_sk, ws_item_sk, ws_promo_sk,
         ws_ext_sales_price, coalesce(wr_return_amt, 0.00), ws_net_profit - coalesce(wr_net_loss, 0.00)
  FROM web_sales
  LEFT JOIN web_returns ON wr_order_number = ws_order_number AND wr_item_sk = ws_item_sk
  JOIN web_site ON web_site_sk = ws_web_site_sk
)
SELECT channel, outlet, sum(sales) AS sales, sum(returned) AS returned, sum(profit) AS profit
FROM sold
JOIN date_dim ON d_date_sk = day_sk
JOIN item ON i_item_sk = item_sk
JOIN promotion ON p_promo_sk = promo_sk
WHERE d_date BETWEEN CAST('1998-09-10' AS DATE) AND CAST('1998-09-10' AS DATE) + INTERVAL '30' DAY
  AND i_current_price > 50 AND p_channel_tv = 'N'
GROUP BY ROLLUP (channel, outlet)
ORDER BY channel, outlet
LIMIT 100
