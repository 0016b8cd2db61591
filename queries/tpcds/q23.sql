-- q23: What did the best store customers spend on frequently sold items by catalog and web in one year?
WITH frequent AS (
  SELECT ss_item_sk
  FROM store_sales JOIN date_dim ON d_date_sk = ss_sold_date_sk
  WHERE d_year BETWEEN 1999 AND 2002
  GROUP BY ss_item_sk, d_date
  HAVING count(*) > 3
), spent AS (
  SELECT ss_customer_sk AS customer_sk, sum(ss_quantity * ss_sales_price) AS amount
  FROM store_sales JOIN date_dim ON d_date_sk = ss_sold_date_sk
  WHERE d_year BETWEEN 1999 AND 2002 AND ss_customer_sk IS NOT NULL
  GROUP BY ss_customer_sk
), best AS (
  SELECT customer_sk FROM spent WHERE amount > (SELECT 0.5 * max(amount) FROM spent)
), other AS (
  SELECT cs_sold_date_sk AS day_sk, cs_item_sk AS item_sk, cs_bill_customer_sk AS customer_sk, cs_quantity * cs_list_price AS amount
  FROM catalog_sales
  UNION ALL
  SELECT ws_sold_date_sk, ws_item_sk, ws_bill_customer_sk, ws_quantity * ws_list_price FROM web_sales
)
SELECT sum(amount) AS spent
FROM other JOIN date_dim ON d_date_sk = day_sk
WHERE d_year = 2000
  AND item_sk IN (SELECT ss_item_sk FROM frequent)
  AND customer_sk IN (SELECT customer_sk FROM best)
