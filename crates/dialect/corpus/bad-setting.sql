SET plusminus.eror = '5%'
