CREATE TABLE sample (cap INT, size INT, tail INT); INSERT INTO sample (cap) VALUES (1); SELECT cap, size FROM sample; DESCRIBE sample; DROP TABLE sample
