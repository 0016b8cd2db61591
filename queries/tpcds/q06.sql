-- q06: In which states did at least ten purchases of one month fall on items priced 20 percent above the mean of their category?
SELECT ca_state AS state, count(*) AS purchases
FROM store_sales
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN item here ON here.i_item_sk = ss_item_sk
JOIN customer ON c_customer_sk = ss_customer_sk
JOIN customer_address ON ca_address_sk = c_current_addr_sk
WHERE d_year = 2000 AND d_moy = 3
  AND here.i_current_price > (SELECT 1.2 * avg(peer.i_current_price) FROM item peer WHERE peer.i_category = here.i_category)
GROUP BY ca_state
HAVING count(*) >= 10
ORDER BY purchases, state
LIMIT 100
