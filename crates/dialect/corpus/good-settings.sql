SET plusminus.error = '5%'; SET plusminus.within TO '2s'; SET plusminus.on_miss = none; RESET plusminus.error; SET datafusion.x.y = 1
