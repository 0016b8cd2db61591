"""Measures the first query of the Python package on a store with a sample of table f, beside the library's own time: first_query.py STORE."""
import time, sys, statistics
t=time.perf_counter(); import plusminus; t_import=time.perf_counter()-t
db=plusminus.connect(sys.argv[1]); 
q="SELECT origin, avg(distance) AS d, count(*) AS n FROM f WHERE distance > 500 GROUP BY origin ERROR WITHIN 20% ON MISS REPORT"
t=time.perf_counter(); a=db.sql(q); first=(time.perf_counter()-t)*1e3
print("import %.1f ms; first: wall %.2f ms, library %.2f ms, above it %.2f ms"%(t_import*1e3, first, a.report["elapsed_ms"], first-a.report["elapsed_ms"]))
over=[]
for _ in range(50):
    t=time.perf_counter(); a=db.sql(q); w=(time.perf_counter()-t)*1e3; over.append(w-a.report["elapsed_ms"])
print("later: above the library, median %.2f ms"%statistics.median(over))
t=time.perf_counter(); a.to_arrow(); print("to_arrow %.2f ms"%((time.perf_counter()-t)*1e3))
