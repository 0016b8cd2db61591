-- q28: For six quantity ranges, what are the mean, count and distinct count of list prices within some price, coupon or cost band?
SELECT *
FROM
  (SELECT avg(ss_list_price) AS mean_1, count(ss_list_price) AS count_1, count(DISTINCT ss_list_price) AS distinct_1
   FROM store_sales
   WHERE ss_quantity BETWEEN 0 AND 5
     AND (ss_list_price BETWEEN 20 AND 30 OR ss_coupon_amt BETWEEN 1000 AND 2000 OR ss_wholesale_cost BETWEEN 25 AND 45)) r1
  CROSS JOIN
  (SELECT avg(ss_list_price) AS mean_2, count(ss_list_price) AS count_2, count(DISTINCT ss_list_price) AS distinct_2
   FROM store_sales
   WHERE ss_quantity BETWEEN 6 AND 10
     AND (ss_list_price BETWEEN 70 AND 80 OR ss_coupon_amt BETWEEN 3000 AND 4000 OR ss_wholesale_cost BETWEEN 40 AND 60)) r2
  CROSS JOIN
  (SELECT avg(ss_list_price) AS mean_3, count(ss_list_price) AS count_3, count(DISTINCT ss_list_price) AS distinct_3
   FROM store_sales
   WHERE ss_quantity BETWEEN 11 AND 15
     AND (ss_list_price BETWEEN 110 AND 120 OR ss_coupon_amt BETWEEN 500 AND 1500 OR ss_wholesale_cost BETWEEN 10 AND 30)) r3
  CROSS JOIN
  (SELECT avg(ss_list_price) AS mean_4, count(ss_list_price) AS count_4, count(DISTINCT ss_list_price) AS distinct_4
   FROM store_sales
   WHERE ss_quantity BETWEEN 16 AND 20
     AND (ss_list_price BETWEEN 40 AND 50 OR ss_coupon_amt BETWEEN 6000 AND 7000 OR ss_wholesale_cost BETWEEN 55 AND 75)) r4
  CROSS JOIN
  (SELECT avg(ss_list_price) AS mean_5, count(ss_list_price) AS count_5, count(DISTINCT ss_list_price) AS distinct_5
   FROM store_sales
   WHERE ss_quantity BETWEEN 21 AND 25
     AND (ss_list_price BETWEEN 130 AND 140 OR ss_coupon_amt BETWEEN 2000 AND 3000 OR ss_wholesale_cost BETWEEN 30 AND 50)) r5
  CROSS JOIN
  (SELECT avg(ss_list_price) AS mean_6, count(ss_list_price) AS count_6, count(DISTINCT ss_list_price) AS distinct_6
   FROM store_sales
   WHERE ss_quantity BETWEEN 26 AND 30
     AND (ss_list_price BETWEEN 90 AND 100 OR ss_coupon_amt BETWEEN 8000 AND 9000 OR ss_wholesale_cost BETWEEN 70 AND 90)) r6
LIMIT 100
