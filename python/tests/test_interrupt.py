"""Ctrl-C ends a statement, and the session goes on."""

import multiprocessing
import os
import signal
import threading
import time

import pytest

import plusminus


def test_a_signal_ends_a_long_query(db):
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        db.sql("SELECT count(DISTINCT a.value * b.value) FROM range(1, 30000) a, range(1, 30000) b")
    assert db.sql("SELECT 1").scalar() == 1


def test_another_thread_is_interrupted(db):
    ended = []

    def work():
        try:
            db.sql("SELECT count(*) FROM range(1000000) a JOIN range(1000000) b ON a.value * b.value = -1")
        except KeyboardInterrupt:
            ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    db.interrupt()
    thread.join(30)
    assert ended == [True] and db.sql("SELECT 1").scalar() == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_opens_its_own_session(db, tmp_path):
    assert db.sql("SELECT 1").scalar() == 1
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def child():
        try:
            db.sql("SELECT 1")
        except RuntimeError as error:
            queue.put("forked" in str(error))
        queue.put(plusminus.connect(tmp_path / "other").sql("SELECT 2").scalar())

    process = context.Process(target=child)
    process.start()
    assert [queue.get(timeout=60), queue.get(timeout=60)] == [True, 2]
    process.join()
