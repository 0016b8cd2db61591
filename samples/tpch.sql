-- The samples that suit queries/tpch.sql.
CREATE OR REPLACE SAMPLE lineitem_uniform ON lineitem SIZE 1 %;
CREATE OR REPLACE SAMPLE lineitem_by_flags ON lineitem STRATIFIED BY (l_returnflag, l_linestatus) SIZE 1 %;
