-- q97: How many pairs of customer and item occur in a year only in stores, only by catalog, or in both?
WITH pairs AS (
  SELECT customer_sk, item_sk, max(in_store) AS in_store, max(in_catalog) AS in_catalog
  FROM (SELECT ss_customer_sk AS customer_sk, ss_item_sk AS item_sk, ss_sold_date_sk AS day_sk, 1 AS in_store, 0 AS in_catalog
        FROM store_sales
        UNION ALL
        SELECT cs_bill_customer_sk, cs_item_sk, cs_sold_date_sk, 0, 1 FROM catalog_sales) AS bought
  JOIN date_dim ON d_date_sk = day_sk
  WHERE d_month_seq BETWEEN 1188 AND 1199 AND customer_sk IS NOT NULL
  GROUP BY customer_sk, item_sk
)
SELECT sum(CASE WHEN in_catalog = 0 THEN 1 ELSE 0 END) AS store_only,
       sum(CASE WHEN in_store = 0 THEN 1 ELSE 0 END) AS catalog_only,
       sum(in_store * in_catalog) AS both_channels
FROM pairs
LIMIT 100
