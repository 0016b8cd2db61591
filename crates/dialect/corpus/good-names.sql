SELECT error, within w, confidence FROM error within ORDER BY error WITHIN 5 SECONDS
