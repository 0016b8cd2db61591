-- q72: For which items, warehouses and weeks did catalog orders exceed the stock, with and without a promotion?
SELECT i_item_desc, w_warehouse_name, sold.d_week_seq,
       sum(CASE WHEN p_promo_sk IS NULL THEN 1 ELSE 0 END) AS without_promotion,
       sum(CASE WHEN p_promo_sk IS NOT NULL THEN 1 ELSE 0 END) AS with_promotion,
       count(*) AS orders
FROM catalog_sales
JOIN inventory ON inv_item_sk = cs_item_sk
JOIN date_dim sold ON sold.d_date_sk = cs_sold_date_sk
JOIN date_dim counted ON counted.d_date_sk = inv_date_sk AND counted.d_week_seq = sold.d_week_seq
JOIN date_dim sent ON sent.d_date_sk = cs_ship_date_sk
JOIN item ON i_item_sk = cs_item_sk
JOIN warehouse ON w_warehouse_sk = inv_warehouse_sk
JOIN customer_demographics ON cd_demo_sk = cs_bill_cdemo_sk
JOIN household_demographics ON hd_demo_sk = cs_bill_hdemo_sk
LEFT JOIN promotion ON p_promo_sk = cs_promo_sk
LEFT JOIN catalog_returns ON cr_item_sk = cs_item_sk AND cr_order_number = cs_order_number
WHERE sold.d_year = 2000 AND inv_quantity_on_hand < cs_quantity
  AND sent.d_date > sold.d_date + INTERVAL '5' DAY
  AND hd_buy_potential = '1001-5000' AND cd_marital_status = 'W'
GROUP BY i_item_desc, w_warehouse_name, sold.d_week_seq
ORDER BY orders DESC, i_item_desc, w_warehouse_name, sold.d_week_seq
LIMIT 100
