-- q77: What were sales, returns and profit per channel and store, call centre or web page over 30 days, with subtotals?
WITH moves AS (
  SELECT 'store' AS channel, ss_store_sk AS place_sk, ss_sold_date_sk AS day_sk, ss_ext_sales_price AS sales,
         0.00 AS returned, ss_net_profit AS profit
  FROM store_sales
  UNION ALL
  SELECT 'store', sr_store_sk, sr_returned_date_sk, 0.00, sr_return_amt, -sr_net_loss FROM store_returns
  UNION ALL
  SELECT 'catalog', cs_call_center_sk, cs_sold_date_sk, cs_ext_sales_price, 0.00, cs_net_profit FROM catalog_sales
  UNION ALL
  SELECT 'catalog', cr_call_center_sk, cr_returned_date_sk, 0.00, cr_return_amount, -cr_net_loss FROM catalog_returns
  UNION ALL
  SELECT 'web', ws_web_page_sk, ws_sold_date_sk, ws_ext_sales_price, 0.00, ws_net_profit FROM web_sales
  UNION ALL
  SELECT 'web', wr_web_page_sk, wr_returned_date_sk, 0.00, wr_return_amt, -wr_net_loss FROM web_returns
)
SELECT channel, place_sk, sum(sales) AS sales, sum(returned) AS returned, sum(profit) AS profit
FROM moves JOIN date_dim ON d_date_sk = day_sk
WHERE d_date BETWEEN CAST('2001-08-12' AS DATE) AND CAST('2001-08-12' AS DATE) + INTERVAL '30' DAY
  AND place_sk IS NOT NULL
GROUP BY ROLLUP (channel, place_sk)
ORDER BY channel, place_sk
LIMIT 100
