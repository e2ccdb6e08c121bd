"""The oracle's own judgement: it sees each kind of fault, and only those."""
import pytest

from pages import Page
from verdict import (Delivered, find_disorder, find_late, ids_within, judge,
                     overlap, parse_cursor, saw_what_it_has, takes)

ROWS = [(i, ("a",) if i % 2 else ("b/c", "d")) for i in range(1, 11)]


def verdict(ids, start="0", end=None, topics=("a",), begun=None, visible=None):
    return judge([Delivered(1, topics, start, end, ids)], ROWS, begun or {},
                 visible or {})


@pytest.mark.parametrize("text, last, holes", [
    ("0", 0, []), ("12345", 12345, []), ("12345.3", 12345, [(12342, 12342)]),
    ("12345.3.1-2", 12345, [(12338, 12340), (12342, 12342)]),
    ("2~12345.a-z", 12345, [(12300, 12335)])])
def test_cursors_are_read_as_described(text, last, holes):
    assert parse_cursor(text) == (last, holes)


@pytest.mark.parametrize("text", ["", "x", "5.5", "5.9", "5.", "-1", "5.1.4"])
def test_garbled_cursors_are_refused(text):
    with pytest.raises(ValueError):
        parse_cursor(text)


def test_a_position_has_what_is_below_it_but_the_holes():
    assert ids_within([1, 2, 3, 5, 8, 9, 12], "10.2-3") == [1, 2, 3, 9]


def test_patterns_take_what_is_below_them():
    assert takes(("b/*",), "b/c") and not takes(("b/*",), "b")
    assert takes(("x", "a"), "a") and not takes(("a",), "a/b")


def test_all_is_well():
    assert verdict([1, 3, 5, 7, 9]).faults() == 0
    assert verdict([5, 3], start="2", end="6").faults() == 0
    assert verdict([3, 9], start="7.4", end="9").faults() == 0


def test_a_missing_event_is_seen():
    found = verdict([1, 3, 7, 9])
    assert [i for _, i in found.missing] == [5] and found.faults() == 1


def test_a_repeated_event_is_seen():
    found = verdict([1, 3, 5, 3, 7, 9])
    assert [i for _, i in found.duplicates] == [3] and found.faults() == 1


def test_an_event_that_was_had_before_is_seen():
    assert [i for _, i in verdict([3, 5, 7, 9], start="4").duplicates] == [3]


def test_an_event_of_another_topic_is_seen():
    assert [i for _, i in verdict([1, 2, 3, 5, 7, 9]).duplicates] == [2]


def test_an_event_of_two_topics_is_wanted_once():
    assert verdict([2, 4, 6, 8, 10], topics=("b/*", "d")).faults() == 0
    assert verdict([2, 4, 4, 6, 8, 10], topics=("b/*", "d")).faults() == 1
    assert verdict([2, 4, 6, 10], topics=("d",)).faults() == 1


def test_a_position_is_what_the_snapshot_saw():
    ids = [1, 3, 5, 7]
    assert saw_what_it_has(ids, "6.2-1", (2, 6))    # without 3 and 4
    assert not saw_what_it_has(ids, "6.2-1", (3, 9))
    assert not saw_what_it_has(ids, "6", (2, 6))
    full = "1000" + ".1" * 128
    assert saw_what_it_has(ids, full, (5, 9000))
    assert not saw_what_it_has(ids, full, (3, 9000))


def test_a_page_follows_its_rows():
    page, rows = Page("chat", 1), {}
    for kind, old, new in (("insert", None, (1, 1, "a")), ("insert", None, (2, 1, "b")),
                           ("update", (1, 1, "a"), (1, 2, "c")),    # to another room
                           ("update", (2, 1, "b"), (-2, 1, "d"))):
        page.apply(rows, kind, {name: row and dict(zip(("id", "room", "token"), row))
                                for name, row in (("old", old), ("new", new))})
    assert rows == {-2: "d"} and page.topics == ("room/1",)
    page.apply(rows, "delete", {"old": {"id": -2}, "new": None})
    assert rows == {}


def test_an_event_that_never_was_is_seen():
    assert [i for _, i in verdict([1, 3, 5, 7, 9, 11]).phantoms] == [11]


def test_the_wrong_order_is_seen():
    begun, visible = {1: 0.0, 3: 2.0, 5: 0.5}, {1: 1.0, 3: 3.0, 5: 9.0}
    assert find_disorder([1, 3, 5], begun, visible) == []
    assert find_disorder([5, 1, 3], begun, visible) == []   # at the same time
    assert find_disorder([3, 1, 5], begun, visible) == [(3, 1)]
    assert find_disorder([3, 5, 1], begun, visible) == [(3, 1)]


def late(at, visible=10.0, down=(), stalls=()):
    return find_late({("a", 1): at}, {1: visible}, {"a": list(down)}, list(stalls))


@pytest.mark.parametrize("at, down, stalls, is_late", [
    (9.9, [], [], False),               # before its writer knew
    (10.1, [], [], False), (10.2, [], [], True),
    (10.2, [(10.1, 10.15)], [], None),  # its gateway was down
    (10.2, [(9, 9.9), (11, 12)], [], True), (12.0, [(9, 10.1)], [], None),
    (10.2, [], [(10.1, 10.13)], False), (10.9, [], [(10.1, 10.2)], True),
    (10.9, [], [(9, 10.4), (10.2, 10.8)], None)])   # the machine stood still
def test_a_late_event_is_seen(at, down, stalls, is_late):
    found, looked_at, unsure = late(at, down=down, stalls=stalls)
    assert looked_at == (is_late is not None)
    assert unsure == (is_late is None and not down)
    assert [(g, e) for g, e, _ in found] == ([("a", 1)] if is_late else [])


def test_events_that_nobody_is_known_to_have_committed_are_not_late():
    assert find_late({("a", 1): 99}, {}, {}, []) == ([], 0, 0)


def test_windows_that_overlap_count_once():
    assert overlap([(1, 3), (2, 4), (0, 1.5), (9, 10)], 1, 5) == 3
