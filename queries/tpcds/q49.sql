-- q49: Which items of each channel have the highest return rates by units and by money in a month?
WITH rates AS (
  SELECT 'web' AS channel, ws_item_sk AS item_sk,
         CAST(sum(wr_return_quantity) AS DOUBLE) / sum(ws_quantity) AS unit_rate,
         CAST(sum(wr_return_amt) AS DOUBLE) / sum(ws_net_paid) AS money_rate
  FROM web_sales
  JOIN web_returns ON wr_order_number = ws_order_number AND wr_item_sk = ws_item_sk
  JOIN date_dim ON d_date_sk = ws_sold_date_sk
  WHERE wr_return_amt > 5000 AND ws_net_profit > 1 AND ws_net_paid > 0 AND ws_quantity > 0 AND d_year = 2000 AND d_moy = 11
  GROUP BY ws_item_sk
  UNION ALL
  SELECT 'catalog' AS channel, cs_item_sk AS item_sk,
         CAST(sum(cr_return_quantity) AS DOUBLE) / sum(cs_quantity) AS unit_rate,
         CAST(sum(cr_return_amount) AS DOUBLE) / sum(cs_net_paid) AS money_rate
  FROM catalog_sales
  JOIN catalog_returns ON cr_order_number = cs_order_number AND cr_item_sk = cs_item_sk
  JOIN date_dim ON d_date_sk = cs_sold_date_sk
  WHERE cr_return_amount > 5000 AND cs_net_profit > 1 AND cs_net_paid > 0 AND cs_quantity > 0 AND d_year = 2000 AND d_moy = 11
  GROUP BY cs_item_sk
  UNION ALL
  SELECT 'store' AS channel, ss_item_sk AS item_sk,
         CAST(sum(sr_return_quantity) AS DOUBLE) / sum(ss_quantity) AS unit_rate,
         CAST(sum(sr_return_amt) AS DOUBLE) / sum(ss_net_paid) AS money_rate
  FROM store_sales
  JOIN store_returns ON sr_ticket_number = ss_ticket_number AND sr_item_sk = ss_item_sk
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  WHERE sr_return_amt > 5000 AND ss_net_profit > 1 AND ss_net_paid > 0 AND ss_quantity > 0 AND d_year = 2000 AND d_moy = 11
  GROUP BY ss_item_sk
), ranked AS (
  SELECT channel, item_sk, unit_rate,
         rank() OVER (PARTITION BY channel ORDER BY unit_rate DESC NULLS LAST) AS unit_place,
         rank() OVER (PARTITION BY channel ORDER BY money_rate DESC NULLS LAST) AS money_place
  FROM rates
)
SELECT channel, item_sk, unit_rate, unit_place, money_place
FROM ranked
WHERE unit_place <= 10 OR money_place <= 10
ORDER BY channel, unit_place, money_place, item_sk
LIMIT 100
