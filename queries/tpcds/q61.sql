-- q61: Which share of one category's store revenue in a month came from promotions?
SELECT promoted, total, 100 * CAST(promoted AS DOUBLE) / total AS promoted_share
FROM (SELECT sum(ss_ext_sales_price) AS promoted
        FROM store_sales
        JOIN date_dim ON d_date_sk = ss_sold_date_sk
        JOIN store ON s_store_sk = ss_store_sk
        JOIN customer ON c_customer_sk = ss_customer_sk
        JOIN customer_address ON ca_address_sk = c_current_addr_sk
        JOIN item ON i_item_sk = ss_item_sk
        JOIN promotion ON p_promo_sk = ss_promo_sk
        WHERE ca_gmt_offset = -5 AND s_gmt_offset = -5 AND i_category = 'Music' AND d_year = 1999 AND d_moy = 11
          AND (p_channel_dmail = 'Y' OR p_channel_email = 'Y' OR p_channel_tv = 'Y')) AS some_sales
CROSS JOIN (SELECT sum(ss_ext_sales_price) AS total
        FROM store_sales
        JOIN date_dim ON d_date_sk = ss_sold_date_sk
        JOIN store ON s_store_sk = ss_store_sk
        JOIN customer ON c_customer_sk = ss_customer_sk
        JOIN customer_address ON ca_address_sk = c_current_addr_sk
        JOIN item ON i_item_sk = ss_item_sk
        WHERE ca_gmt_offset = -5 AND s_gmt_offset = -5 AND i_category = 'Music' AND d_year = 1999 AND d_moy = 11) AS all_sales
ORDER BY promoted, total
LIMIT 100
