"""Measures the start of the shell, and Tab with 1,000 tables, in a pseudo terminal: shell.py PLUSMINUS."""
import os, pty, select, subprocess, sys, time, statistics, tempfile, re
BIN = sys.argv[1]
def read_until(fd, pattern, timeout=20):
    data = b""; end = time.time() + timeout
    while time.time() < end:
        r, _, _ = select.select([fd], [], [], 0.2)
        if r:
            chunk = os.read(fd, 65536)
            data += chunk
            # reedline asks where the cursor is
            if b"\x1b[6n" in chunk: os.write(fd, b"\x1b[1;1R")
            if re.search(pattern, data): return data
    raise SystemExit("timeout: " + repr(data[-300:]))
def shell(args, cwd):
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd); os.environ["TERM"] = "xterm-256color"; os.environ["XDG_CONFIG_HOME"] = cwd + "/cfg"
        os.execv(BIN, [BIN] + args)
    return pid, fd
folder = tempfile.mkdtemp()
starts = []
for _ in range(11):
    t = time.perf_counter(); pid, fd = shell([], folder)
    read_until(fd, rb"plusminus.*> "); starts.append((time.perf_counter() - t) * 1e3)
    os.write(fd, b"\x04"); time.sleep(0.1); os.close(fd); os.waitpid(pid, 0)
print("shell start, ms: median %.1f, all %s" % (statistics.median(starts), [round(s, 1) for s in starts]))
names = [f"table_{i:04d}" for i in range(1000)]
sql = "".join(f"CREATE VIEW {n} AS SELECT {i} AS column_{i}, 'x' AS other;" for i, n in enumerate(names))
open(folder + "/make.sql", "w").write(sql)
subprocess.run([BIN, "-f", "make.sql"], cwd=folder, check=True, capture_output=True)
t = time.perf_counter(); pid, fd = shell([], folder); read_until(fd, rb"plusminus.*> ")
print("shell start with 1,000 views, ms: %.1f" % ((time.perf_counter() - t) * 1e3))
tabs = []
for i in range(9):
    os.write(fd, b"select * from table_05"); time.sleep(0.3); read_until(fd, rb"05")
    t = time.perf_counter(); os.write(fd, b"\t"); read_until(fd, rb"4mtable_05"); tabs.append((time.perf_counter() - t) * 1e3)
    os.write(fd, b"\x1b\x03"); time.sleep(0.3); 
    try: read_until(fd, rb"> $", 1)
    except SystemExit: pass
print("Tab with 1,000 tables, ms: median %.1f, all %s" % (statistics.median(tabs), [round(s, 1) for s in tabs]))
