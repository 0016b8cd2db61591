-- The samples that suit queries/ssb.
CREATE OR REPLACE SAMPLE lineorder_uniform ON lineorder SIZE 2 %;
