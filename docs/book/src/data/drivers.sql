COPY (
  SELECT value AS id,
         ['blue', 'green', 'red'][1 + value * value % 7 % 3] AS company,
         DATE '2015-01-01' + CAST(value * 17 % 3650 AS INT) AS since
  FROM range(5003)
) TO 'drivers.parquet';
