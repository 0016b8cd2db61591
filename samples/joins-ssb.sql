-- The samples that suit queries/ssb.
CREATE OR REPLACE SAMPLE lineorder_rows ON lineorder SIZE 8 %;
CREATE OR REPLACE SAMPLE lineorder_by_nations ON lineorder JOIN customer ON lo_custkey = c_custkey JOIN supplier ON lo_suppkey = s_suppkey STRATIFIED BY (c_nation, s_nation) SIZE 20 %;
