 ;; -- nothing
; /* here */
