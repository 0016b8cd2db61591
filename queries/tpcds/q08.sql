-- q08: What net profit did stores make in areas whose postal codes hold more than ten preferred customers?
SELECT s_store_name, sum(ss_net_profit) AS profit
FROM store_sales
JOIN date_dim ON d_date_sk = ss_sold_date_sk
JOIN store ON s_store_sk = ss_store_sk
WHERE d_year = 2000 AND d_qoy = 3
  AND substring(s_zip, 1, 2) IN (
    SELECT substring(ca_zip, 1, 2)
    FROM customer JOIN customer_address ON ca_address_sk = c_current_addr_sk
    WHERE c_preferred_cust_flag = 'Y' AND ca_zip BETWEEN '25000' AND '79999'
    GROUP BY ca_zip
    HAVING count(*) > 10)
GROUP BY s_store_name
ORDER BY s_store_name
LIMIT 100
