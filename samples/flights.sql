-- The sample that suits queries/flights.sql.
CREATE OR REPLACE SAMPLE flights_by_origin ON flights STRATIFIED BY (origin) CAP 500;
