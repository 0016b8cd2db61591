-- q91: What did each call centre lose on returns in a month by customers of two demographic groups?
SELECT cc_call_center_id, cc_name, cc_manager, sum(cr_net_loss) AS loss
FROM catalog_returns
JOIN call_center ON cc_call_center_sk = cr_call_center_sk
JOIN date_dim ON d_date_sk = cr_returned_date_sk
JOIN customer ON c_customer_sk = cr_returning_customer_sk
JOIN customer_demographics ON cd_demo_sk = c_current_cdemo_sk
JOIN household_demographics ON hd_demo_sk = c_current_hdemo_sk
JOIN customer_address ON ca_address_sk = c_current_addr_sk
WHERE d_year = 2000 AND d_moy = 12 AND ca_gmt_offset = -6 AND hd_buy_potential LIKE '1001%'
  AND ((cd_marital_status = 'M' AND cd_education_status = 'College')
    OR (cd_marital_status = 'S' AND cd_education_status = 'Secondary'))
GROUP BY cc_call_center_id, cc_name, cc_manager, cd_marital_status, cd_education_status
ORDER BY loss DESC
