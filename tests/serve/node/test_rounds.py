"""Work in a thread of its own: woken, failing, stopped."""

from __future__ import annotations

import logging

from hilum.serve.node.rounds import Rounds


def test_work_goes_on_without_a_pause_until_there_is_none(wait_until) -> None:
    left, done = [3], []

    def work() -> int:
        done.append(left[0])
        left[0] = max(left[0] - 1, 0)
        return done[-1]

    rounds = Rounds(work, name="test", trouble="x")
    rounds.start(pause_s=60)
    assert wait_until(lambda: len(done) == 4)
    rounds.stop()
    assert done == [3, 2, 1, 0]


def test_what_is_woken_looks_at_once(wait_until) -> None:
    done = []
    rounds = Rounds(lambda: done.append(1) or 0, name="test", trouble="x")
    rounds.start(pause_s=60)
    assert wait_until(lambda: len(done) == 1)
    rounds.wake()
    assert wait_until(lambda: len(done) == 2)
    rounds.stop()


def test_a_round_that_fails_is_told_and_the_next_one_comes(wait_until, caplog) -> None:
    tried = []

    def work() -> int:
        tried.append(1)
        if len(tried) == 1:
            raise OSError("gone")
        return 0

    rounds = Rounds(work, name="test", trouble="the outbox does not answer")
    with caplog.at_level(logging.ERROR):
        rounds.start(pause_s=0.01)
        assert wait_until(lambda: len(tried) > 1)
        rounds.stop()
    assert [record.message for record in caplog.records] == ["the outbox does not answer"]


def test_what_has_been_stopped_begins_nothing_and_can_be_started_anew(wait_until) -> None:
    done = []
    rounds = Rounds(lambda: done.append(1) or 0, name="test", trouble="x")
    rounds.start(pause_s=0.01)
    assert wait_until(lambda: done)
    rounds.stop()
    assert rounds.stopping
    after = len(done)
    rounds.wake()
    assert not wait_until(lambda: len(done) > after, 0.1)
    rounds.start(pause_s=0.01)
    assert wait_until(lambda: len(done) > after)
    rounds.stop()
