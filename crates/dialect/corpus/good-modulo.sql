SELECT a % 10 error FROM t ERROR 10 %
