-- The samples that suit queries/tpcds: rows of each fact table, and whole orders of the two that are asked about orders.
CREATE OR REPLACE SAMPLE store_sales_rows ON store_sales SIZE 8 %;
CREATE OR REPLACE SAMPLE catalog_sales_rows ON catalog_sales SIZE 8 %;
CREATE OR REPLACE SAMPLE web_sales_rows ON web_sales SIZE 10 %;
CREATE OR REPLACE SAMPLE store_returns_rows ON store_returns SIZE 10 %;
CREATE OR REPLACE SAMPLE catalog_returns_rows ON catalog_returns SIZE 10 %;
CREATE OR REPLACE SAMPLE web_returns_rows ON web_returns SIZE 10 %;
CREATE OR REPLACE SAMPLE inventory_rows ON inventory SIZE 1 %;
CREATE OR REPLACE SAMPLE web_orders ON web_sales UNIVERSE ON (ws_order_number) SIZE 10 %;
CREATE OR REPLACE SAMPLE catalog_orders ON catalog_sales UNIVERSE ON (cs_order_number) SIZE 10 %;
