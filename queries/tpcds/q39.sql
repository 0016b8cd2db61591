-- q39: Which items of which warehouse show a stock that swings more than its mean in two successive months?
SELECT inv_warehouse_sk, inv_item_sk,
       avg(CASE WHEN d_moy = 3 THEN inv_quantity_on_hand END) AS mean_first,
       stddev_samp(CASE WHEN d_moy = 3 THEN inv_quantity_on_hand END)
         / avg(CASE WHEN d_moy = 3 THEN inv_quantity_on_hand END) AS swing_first,
       avg(CASE WHEN d_moy = 4 THEN inv_quantity_on_hand END) AS mean_second,
       stddev_samp(CASE WHEN d_moy = 4 THEN inv_quantity_on_hand END)
         / avg(CASE WHEN d_moy = 4 THEN inv_quantity_on_hand END) AS swing_second
FROM inventory
JOIN date_dim ON d_date_sk = inv_date_sk
JOIN item ON i_item_sk = inv_item_sk
JOIN warehouse ON w_warehouse_sk = inv_warehouse_sk
WHERE d_year = 2000 AND d_moy IN (3, 4)
GROUP BY inv_warehouse_sk, inv_item_sk
HAVING stddev_samp(CASE WHEN d_moy = 3 THEN inv_quantity_on_hand END) > avg(CASE WHEN d_moy = 3 THEN inv_quantity_on_hand END)
   AND stddev_samp(CASE WHEN d_moy = 4 THEN inv_quantity_on_hand END) > avg(CASE WHEN d_moy = 4 THEN inv_quantity_on_hand END)
ORDER BY inv_warehouse_sk, inv_item_sk
