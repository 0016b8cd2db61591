SELECT 'WITHIN 5 HOURS', "ERROR 5%", $$;$$, 'it''s' FROM t ERROR 1%
