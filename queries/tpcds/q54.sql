-- q54: How do the store revenues of three months spread over bands of 50, for customers near stores who bought from one class elsewhere the month before?
WITH buyers AS (
  SELECT DISTINCT customer_sk
  FROM (SELECT cs_bill_customer_sk AS customer_sk, cs_item_sk AS item_sk, cs_sold_date_sk AS day_sk FROM catalog_sales
        UNION ALL
        SELECT ws_bill_customer_sk, ws_item_sk, ws_sold_date_sk FROM web_sales) AS other
  JOIN item ON i_item_sk = item_sk
  JOIN date_dim ON d_date_sk = day_sk
  WHERE i_category = 'Women' AND i_class = 'dresses' AND d_year = 1999 AND d_moy = 9
), revenue AS (
  SELECT ss_customer_sk, sum(ss_ext_sales_price) AS amount
  FROM store_sales
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  JOIN customer ON c_customer_sk = ss_customer_sk
  JOIN customer_address ON ca_address_sk = c_current_addr_sk
  WHERE ss_customer_sk IN (SELECT customer_sk FROM buyers)
    AND ca_state IN (SELECT s_state FROM store)
    AND d_year = 1999 AND d_moy BETWEEN 10 AND 12
  GROUP BY ss_customer_sk
), bands AS (
  SELECT CAST(floor(amount / 50) AS INTEGER) AS band FROM revenue
)
SELECT band, count(*) AS customers, band * 50 AS band_start
FROM bands
GROUP BY band
ORDER BY band, customers
LIMIT 100
