-- q40: What were net catalog sales per warehouse state and item in the 30 days before and after a date, less refunds?
SELECT w_state, i_item_id,
       sum(CASE WHEN d_date < CAST('2001-02-20' AS DATE) THEN cs_sales_price - coalesce(cr_refunded_cash, 0) ELSE 0 END) AS net_before,
       sum(CASE WHEN d_date >= CAST('2001-02-20' AS DATE) THEN cs_sales_price - coalesce(cr_refunded_cash, 0) ELSE 0 END) AS net_after
FROM catalog_sales
LEFT JOIN catalog_returns ON cr_order_number = cs_order_number AND cr_item_sk = cs_item_sk
JOIN warehouse ON w_warehouse_sk = cs_warehouse_sk
JOIN item ON i_item_sk = cs_item_sk
JOIN date_dim ON d_date_sk = cs_sold_date_sk
WHERE i_current_price BETWEEN 1.00 AND 1.60
  AND d_date BETWEEN CAST('2001-01-21' AS DATE) AND CAST('2001-03-22' AS DATE)
GROUP BY w_state, i_item_id
ORDER BY w_state, i_item_id
LIMIT 100
