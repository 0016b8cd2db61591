-- The samples that suit queries/tpch. Names come from joins, which the builds follow once.
CREATE OR REPLACE SAMPLE lineitem_rows ON lineitem SIZE 5 %;
CREATE OR REPLACE SAMPLE lineitem_by_nations ON lineitem JOIN supplier ON l_suppkey = s_suppkey JOIN nation AS sn ON s_nationkey = sn.n_nationkey JOIN orders ON l_orderkey = o_orderkey JOIN customer ON o_custkey = c_custkey JOIN nation AS cn ON c_nationkey = cn.n_nationkey STRATIFIED BY (sn.n_name, cn.n_name) SIZE 20 %;
CREATE OR REPLACE SAMPLE lineitem_of_orders ON lineitem UNIVERSE ON (l_orderkey) SIZE 5 %;
CREATE OR REPLACE SAMPLE orders_whole ON orders UNIVERSE ON (o_orderkey) SIZE 5 %;
CREATE OR REPLACE SAMPLE customers ON customer UNIVERSE ON (c_custkey) SIZE 25 %;
CREATE OR REPLACE SAMPLE orders_of_customers ON orders UNIVERSE ON (o_custkey) SIZE 25 %;
CREATE OR REPLACE SAMPLE partsupp_rows ON partsupp SIZE 10 %;
