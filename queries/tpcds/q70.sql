-- q70: How do the five most profitable states and their counties rank by store profit, with subtotals?
WITH top_states AS (
  SELECT s_state
  FROM (SELECT s_state, rank() OVER (ORDER BY sum(ss_net_profit) DESC) AS place
        FROM store_sales
        JOIN store ON s_store_sk = ss_store_sk
        JOIN date_dim ON d_date_sk = ss_sold_date_sk
        WHERE d_month_seq BETWEEN 1212 AND 1223
        GROUP BY s_state) AS states
  WHERE place <= 5
), profits AS (
  SELECT s_state, s_county, grouping(s_state) + grouping(s_county) AS depth, sum(ss_net_profit) AS profit
  FROM store_sales
  JOIN store ON s_store_sk = ss_store_sk
  JOIN date_dim ON d_date_sk = ss_sold_date_sk
  WHERE d_month_seq BETWEEN 1212 AND 1223 AND s_state IN (SELECT s_state FROM top_states)
  GROUP BY ROLLUP (s_state, s_county)
)
SELECT profit, s_state, s_county, depth,
       rank() OVER (PARTITION BY depth, CASE WHEN depth = 0 THEN s_state END ORDER BY profit DESC) AS place
FROM profits
ORDER BY depth DESC, CASE WHEN depth = 0 THEN s_state END, place
LIMIT 100
