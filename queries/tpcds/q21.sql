-- q21: For which warehouses and items did the stock hold between two thirds and one and a half of its level after a price change?
WITH stock AS (
  SELECT w_warehouse_name, i_item_id,
         sum(CASE WHEN d_date < CAST('2001-04-10' AS DATE) THEN inv_quantity_on_hand ELSE 0 END) AS stock_before,
         sum(CASE WHEN d_date >= CAST('2001-04-10' AS DATE) THEN inv_quantity_on_hand ELSE 0 END) AS stock_after
  FROM inventory
  JOIN warehouse ON w_warehouse_sk = inv_warehouse_sk
  JOIN item ON i_item_sk = inv_item_sk
  JOIN date_dim ON d_date_sk = inv_date_sk
  WHERE i_current_price BETWEEN 1.00 AND 1.60
    AND d_date BETWEEN CAST('2001-03-11' AS DATE) AND CAST('2001-05-10' AS DATE)
  GROUP BY w_warehouse_name, i_item_id
)
SELECT w_warehouse_name, i_item_id, stock_before, stock_after
FROM stock
WHERE stock_before > 0 AND 3 * stock_after >= 2 * stock_before AND 2 * stock_after <= 3 * stock_before
ORDER BY w_warehouse_name, i_item_id
LIMIT 100
