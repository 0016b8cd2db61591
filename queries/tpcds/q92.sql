-- q92: What is the sum of web discounts more than 30 percent above the mean discount of their item over 90 days?
SELECT sum(s.ws_ext_discount_amt) AS excess_discount
FROM web_sales s
JOIN item i ON i.i_item_sk = s.ws_item_sk
JOIN date_dim d ON d.d_date_sk = s.ws_sold_date_sk
WHERE i.i_manufact_id BETWEEN 410 AND 440
  AND d.d_date BETWEEN CAST('2001-01-20' AS DATE) AND CAST('2001-01-20' AS DATE) + INTERVAL '90' DAY
  AND s.ws_ext_discount_amt > (
    SELECT 1.3 * avg(p.ws_ext_discount_amt)
    FROM web_sales p JOIN date_dim e ON e.d_date_sk = p.ws_sold_date_sk
    WHERE p.ws_item_sk = i.i_item_sk
      AND e.d_date BETWEEN CAST('2001-01-20' AS DATE) AND CAST('2001-01-20' AS DATE) + INTERVAL '90' DAY)
LIMIT 100
