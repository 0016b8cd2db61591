-- q90: What is the ratio of morning to evening web sales on rich pages to some households?
SELECT CAST(morning AS DOUBLE) / nullif(evening, 0) AS morning_to_evening
FROM (SELECT count(*) AS morning
      FROM web_sales
      JOIN household_demographics ON hd_demo_sk = ws_ship_hdemo_sk
      JOIN time_dim ON t_time_sk = ws_sold_time_sk
      JOIN web_page ON wp_web_page_sk = ws_web_page_sk
      WHERE t_hour IN (9, 10) AND hd_dep_count = 4 AND wp_char_count BETWEEN 4000 AND 6000) AS early
CROSS JOIN (SELECT count(*) AS evening
      FROM web_sales
      JOIN household_demographics ON hd_demo_sk = ws_ship_hdemo_sk
      JOIN time_dim ON t_time_sk = ws_sold_time_sk
      JOIN web_page ON wp_web_page_sk = ws_web_page_sk
      WHERE t_hour IN (18, 19) AND hd_dep_count = 4 AND wp_char_count BETWEEN 4000 AND 6000) AS late
LIMIT 100
