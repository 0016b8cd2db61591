-- q05: What were sales, returns and profit per channel and outlet over two weeks, with subtotals?
WITH moves AS (
  SELECT 'store' AS channel, s_store_id AS outlet, ss_sold_date_sk AS day_sk, ss_ext_sales_price AS sales,
         0.00 AS returned, ss_net_profit AS profit
  FROM store_sales JOIN store ON s_store_sk = ss_store_sk
  UNION ALL
  SELECT 'store', s_store_id, sr_returned_date_sk, 0.00, sr_return_amt, -sr_net_loss
  FROM store_returns JOIN store ON s_store_sk = sr_store_sk
  UNION ALL
  SELECT 'catalog', cp_catalog_page_id, cs_sold_date_sk, cs_ext_sales_price, 0.00, cs_net_profit
  FROM catalog_sales JOIN catalog_page ON cp_catalog_page_sk = cs_catalog_page_sk
  UNION ALL
  SELECT 'catalog', cp_catalog_page_id, cr_returned_date_sk, 0.00, cr_return_amount, -cr_net_loss
  FROM catalog_returns JOIN catalog_page ON cp_catalog_page_sk = cr_catalog_page_sk
  UNION ALL
  SELECT 'web', web_site_id, ws_sold_date_sk, ws_ext_sales_price, 0.00, ws_net_profit
  FROM web_sales JOIN web_site ON web_site_sk = ws_web_site_sk
  UNION ALL
  SELECT 'web', web_site_id, wr_returned_date_sk, 0.00, wr_return_amt, -wr_net_loss
  FROM web_returns
  JOIN web_sales ON ws_item_sk = wr_item_sk AND ws_order_number = wr_order_number
  JOIN web_site ON web_site_sk = ws_web_site_sk
)
SELECT channel, outlet, sum(sales) AS sales, sum(returned) AS returned, sum(profit) AS profit
FROM moves JOIN date_dim ON d_date_sk = day_sk
WHERE d_date BETWEEN CAST('1999-09-06' AS DATE) AND CAST('1999-09-06' AS DATE) + INTERVAL '14' DAY
GROUP BY ROLLUP (channel, outlet)
ORDER BY channel, outlet
LIMIT 100
