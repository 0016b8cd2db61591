-- q50: How many items returned to each store in a month came back within 30, 60, 90, 120 or more days?
SELECT s_store_name, s_company_id, s_street_number, s_street_name, s_street_type, s_suite_number, s_city, s_county, s_state, s_zip,
       sum(CASE WHEN sr_returned_date_sk - ss_sold_date_sk <= 30 THEN 1 ELSE 0 END) AS days_30,
       sum(CASE WHEN sr_returned_date_sk - ss_sold_date_sk BETWEEN 31 AND 60 THEN 1 ELSE 0 END) AS days_60,
       sum(CASE WHEN sr_returned_date_sk - ss_sold_date_sk BETWEEN 61 AND 90 THEN 1 ELSE 0 END) AS days_90,
       sum(CASE WHEN sr_returned_date_sk - ss_sold_date_sk BETWEEN 91 AND 120 THEN 1 ELSE 0 END) AS days_120,
       sum(CASE WHEN sr_returned_date_sk - ss_sold_date_sk > 120 THEN 1 ELSE 0 END) AS days_more
FROM store_returns
JOIN store_sales ON ss_ticket_number = sr_ticket_number AND ss_item_sk = sr_item_sk AND ss_customer_sk = sr_customer_sk
JOIN store ON s_store_sk = ss_store_sk
JOIN date_dim back ON back.d_date_sk = sr_returned_date_sk
WHERE back.d_year = 2000 AND back.d_moy = 10
GROUP BY s_store_name, s_company_id, s_street_number, s_street_name, s_street_type, s_suite_number, s_city, s_county, s_state, s_zip
ORDER BY s_store_name, s_company_id, s_street_number, s_street_name, s_street_type, s_suite_number, s_city, s_county, s_state, s_zip
LIMIT 100
