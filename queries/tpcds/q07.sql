-- q07: What do married women with a secondary education buy per item on average, outside mail and event promotions?
SELECT i_item_id, avg(ss_quantity) AS mean_quantity, avg(ss_list_price) AS mean_list_price,
       avg(ss_coupon_amt) AS mean_coupon, avg(ss_sales_price) AS mean_sales_price
FROM store_sales
JOIN customer_demographics ON cd_demo_sk = ss_cdemo_sk
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN item ON i_item_sk = ss_item_sk
JOIN promotion ON p_promo_sk = ss_promo_sk
WHERE cd_gender = 'F' AND cd_marital_status = 'M' AND cd_education_status = 'Secondary'
  AND (p_channel_email = 'N' OR p_channel_event = 'N') AND d_year = 1999
GROUP BY i_item_id
ORDER BY i_item_id
LIMIT 100
