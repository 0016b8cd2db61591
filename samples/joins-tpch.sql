-- The samples that suit queries/tpch.
CREATE OR REPLACE SAMPLE lineitem_uniform ON lineitem SIZE 2 %;
CREATE OR REPLACE SAMPLE lineitem_by_flags ON lineitem STRATIFIED BY (l_returnflag, l_linestatus) SIZE 1 %;
CREATE OR REPLACE SAMPLE orders_uniform ON orders SIZE 2 %;
CREATE OR REPLACE SAMPLE customer_uniform ON customer SIZE 10 %;
CREATE OR REPLACE SAMPLE partsupp_uniform ON partsupp SIZE 5 %;
