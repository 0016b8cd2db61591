"""Ctrl-C ends a statement, and the session goes on."""

import os
import signal
import threading

import pytest


def test_a_signal_ends_a_long_query(db):
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        db.sql("SELECT count(DISTINCT a.value * b.value) FROM range(1, 30000) a, range(1, 30000) b")
    assert db.sql("SELECT 1").scalar() == 1
