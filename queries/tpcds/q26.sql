-- q26: What do single men with a four year degree buy by catalog per item on average, outside mail and event promotions?
SELECT i_item_id, avg(cs_quantity) AS mean_quantity, avg(cs_list_price) AS mean_list_price,
       avg(cs_coupon_amt) AS mean_coupon, avg(cs_sales_price) AS mean_sales_price
FROM catalog_sales, customer_demographics, date_dim, item, promotion
WHERE cd_demo_sk = cs_bill_cdemo_sk AND d_date_sk = cs_sold_date_sk AND i_item_sk = cs_item_sk AND p_promo_sk = cs_promo_sk
  AND cd_gender = 'M' AND cd_marital_status = 'S' AND cd_education_status = '4 yr Degree'
  AND (p_channel_email = 'N' OR p_channel_event = 'N') AND d_year = 2001
GROUP BY i_item_id
ORDER BY i_item_id
LIMIT 100
