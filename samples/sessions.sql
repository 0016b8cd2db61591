-- The samples that suit queries/sessions.sql.
CREATE OR REPLACE SAMPLE sessions_uniform ON sessions SIZE 1 %;
CREATE OR REPLACE SAMPLE sessions_by_os ON sessions STRATIFIED BY (os) SIZE 1 %;
CREATE OR REPLACE SAMPLE sessions_by_city ON sessions STRATIFIED BY (city) SIZE 1 %;
