CREATE SAMPLE "../../x" ON t
