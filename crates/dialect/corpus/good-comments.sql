-- WITHIN 5 HOURS
SELECT /* ERROR */ 1 -- x
WITHIN /* 6 */ 5 -- y
SECONDS -- z
