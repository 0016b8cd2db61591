-- q17: How do quantities sold, returned and bought again by catalog vary per item and state?
SELECT i_item_id, i_item_desc, s_state,
       count(ss_quantity) AS sold_count, avg(ss_quantity) AS sold_mean, stddev_samp(ss_quantity) AS sold_dev,
       stddev_samp(ss_quantity) / avg(ss_quantity) AS sold_spread,
       count(sr_return_quantity) AS back_count, avg(sr_return_quantity) AS back_mean, stddev_samp(sr_return_quantity) AS back_dev,
       stddev_samp(sr_return_quantity) / avg(sr_return_quantity) AS back_spread,
       count(cs_quantity) AS again_count, avg(cs_quantity) AS again_mean, stddev_samp(cs_quantity) AS again_dev,
       stddev_samp(cs_quantity) / avg(cs_quantity) AS again_spread
FROM store_sales
JOIN store_returns ON sr_customer_sk = ss_customer_sk AND sr_item_sk = ss_item_sk AND sr_ticket_number = ss_ticket_number
JOIN catalog_sales ON cs_bill_customer_sk = sr_customer_sk AND cs_item_sk = sr_item_sk
JOIN date_dim sold ON sold.d_date_sk = ss_sold_date_sk
JOIN date_dim back ON back.d_date_sk = sr_returned_date_sk
JOIN date_dim again ON again.d_date_sk = cs_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE sold.d_quarter_name IN ('1998Q3', '1998Q4')
  AND back.d_quarter_name IN ('1998Q3', '1998Q4', '1999Q1', '1999Q2')
  AND again.d_quarter_name IN ('1998Q3', '1998Q4', '1999Q1', '1999Q2')
GROUP BY i_item_id, i_item_desc, s_state
ORDER BY i_item_id, i_item_desc, s_state
LIMIT 100
