COPY (
  SELECT value AS complaint,
         value * 7817 % 4603 AS about,
         1 + value * 31 % 11 % 5 AS grade
  FROM range(20000)
) TO 'complaints.parquet';
