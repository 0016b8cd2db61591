-- q32: What is the sum of catalog discounts more than 30 percent above the mean discount of their item over 90 days?
SELECT sum(s.cs_ext_discount_amt) AS excess_discount
FROM catalog_sales s
JOIN item i ON i.i_item_sk = s.cs_item_sk
JOIN date_dim d ON d.d_date_sk = s.cs_sold_date_sk
WHERE i.i_manufact_id BETWEEN 300 AND 320
  AND d.d_date BETWEEN CAST('2000-02-15' AS DATE) AND CAST('2000-02-15' AS DATE) + INTERVAL '90' DAY
  AND s.cs_ext_discount_amt > (
    SELECT 1.3 * avg(p.cs_ext_discount_amt)
    FROM catalog_sales p JOIN date_dim e ON e.d_date_sk = p.cs_sold_date_sk
    WHERE p.cs_item_sk = i.i_item_sk
      AND e.d_date BETWEEN CAST('2000-02-15' AS DATE) AND CAST('2000-02-15' AS DATE) + INTERVAL '90' DAY)
LIMIT 100
