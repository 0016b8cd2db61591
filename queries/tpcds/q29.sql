-- q29: How many units per item and store were sold in half a year, returned soon and bought again by catalog within three years?
SELECT i_item_id, i_item_desc, s_store_id, s_store_name, sum(ss_quantity) AS sold_units,
       sum(sr_return_quantity) AS returned_units, sum(cs_quantity) AS catalog_units
FROM store_sales
JOIN store_returns ON sr_customer_sk = ss_customer_sk AND sr_item_sk = ss_item_sk AND sr_ticket_number = ss_ticket_number
JOIN catalog_sales ON cs_bill_customer_sk = sr_customer_sk AND cs_item_sk = sr_item_sk
JOIN date_dim sold ON sold.d_date_sk = ss_sold_date_sk
JOIN date_dim back ON back.d_date_sk = sr_returned_date_sk
JOIN date_dim again ON again.d_date_sk = cs_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN item ON i_item_sk = ss_item_sk
WHERE sold.d_year = 1998 AND sold.d_moy BETWEEN 7 AND 12
  AND back.d_date BETWEEN CAST('1998-07-01' AS DATE) AND CAST('1999-06-30' AS DATE)
  AND again.d_year IN (1998, 1999, 2000)
GROUP BY i_item_id, i_item_desc, s_store_id, s_store_name
ORDER BY i_item_id, i_item_desc, s_store_id, s_store_name
LIMIT 100
