COPY (
  SELECT value AS trip,
         DATE '2026-01-01' + CAST(value * 7919 % 90 AS INT) AS day,
         CASE WHEN value % 5000 = 7 THEN 'island' ELSE ['east', 'north', 'south', 'west'][1 + value * 31 % 97 % 4] END AS region,
         value * 48271 % 5003 AS driver,
         round(1 + value * 16807 % 1009 / 50.0, 1) AS miles,
         round(2.5 + 1.8 * (1 + value * 16807 % 1009 / 50.0) + value * 69621 % 101 / 20.0, 2) AS fare
  FROM range(1000000)
) TO 'trips.parquet';
