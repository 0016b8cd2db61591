-- q75: Which product groups of one category sold at least a tenth fewer units, net of returns, than the year before?
WITH net AS (
  SELECT ss_item_sk AS item_sk, ss_sold_date_sk AS day_sk, ss_quantity - coalesce(sr_return_quantity, 0) AS units,
         ss_ext_sales_price - coalesce(sr_return_amt, 0.00) AS amount
  FROM store_sales LEFT JOIN store_returns ON sr_ticket_number = ss_ticket_number AND sr_item_sk = ss_item_sk
  UNION ALL
  SELECT cs_item_sk, cs_sold_date_sk, cs_quantity - coalesce(cr_return_quantity, 0),
         cs_ext_sales_price - coalesce(cr_return_amount, 0.00)
  FROM catalog_sales LEFT JOIN catalog_returns ON cr_order_number = cs_order_number AND cr_item_sk = cs_item_sk
  UNION ALL
  SELECT ws_item_sk, ws_sold_date_sk, ws_quantity - coalesce(wr_return_quantity, 0),
         ws_ext_sales_price - coalesce(wr_return_amt, 0.00)
  FROM web_sales LEFT JOIN web_returns ON wr_order_number = ws_order_number AND wr_item_sk = ws_item_sk
), years AS (
  SELECT i_brand_id, i_class_id, i_category_id, i_manufact_id,
         sum(CASE WHEN d_year = 2000 THEN units END) AS units_before, sum(CASE WHEN d_year = 2001 THEN units END) AS units_after,
         sum(CASE WHEN d_year = 2000 THEN amount END) AS amount_before, sum(CASE WHEN d_year = 2001 THEN amount END) AS amount_after
  FROM net
  JOIN item ON i_item_sk = item_sk
  JOIN date_dim ON d_date_sk = day_sk
  WHERE i_category = 'Sports' AND d_year IN (2000, 2001)
  GROUP BY i_brand_id, i_class_id, i_category_id, i_manufact_id
)
SELECT i_brand_id, i_class_id, i_category_id, i_manufact_id, units_before, units_after,
       units_after - units_before AS units_change, amount_after - amount_before AS amount_change
FROM years
WHERE units_before > 0 AND 10 * units_after < 9 * units_before
ORDER BY units_change, amount_change, i_brand_id, i_class_id, i_manufact_id
LIMIT 100
