"""What was delivered against what the table holds.

A delivery list belongs to one client with one set of topics: it began at a
position, took up events in some order, and stands at a position. Exactly the
events of its topics that the second position has and the first has not must
be in it, each once. And if an event was visible before another one's INSERT
began, it comes first.

Nothing here is shared with the program under test; the cursor is read anew
from its description in cursor.h.
"""
import bisect
import collections
import re
from dataclasses import dataclass, field

NEVER = float("inf")
LATE_S = 0.15
BEFORE_S = 0.5      # a machine that is overloaded was so a little earlier
MAX_HOLES = 128     # of pgfeed.position()
CURSOR = re.compile(r"(?:(\d+)~)?(\d+)((?:\.[0-9a-z]+(?:-[0-9a-z]+)?)*)")


def parse_cursor(text):
    """(last, [(low, high), ...] from the lowest); raises ValueError."""
    match = CURSOR.fullmatch(text)
    if not match:
        raise ValueError(f"not a cursor: {text!r}")
    last = top = int(match[2])
    holes = []
    for part in match[3].split(".")[1:]:
        gap, _, more = part.partition("-")
        high = top - int(gap, 36)
        low = high - (int(more, 36) if more else 0)
        if not 1 <= low <= high < top:
            raise ValueError(f"not a cursor: {text!r}")
        holes.append((low, high))
        top = low - 1
    return last, holes[::-1]


def ids_within(ids, text):
    """Those of the sorted ids that the position has."""
    last, holes = parse_cursor(text)
    inside, at = [], 0
    for low, high in holes:
        end = bisect.bisect_left(ids, low)
        inside += ids[at:end]
        at = bisect.bisect_right(ids, high)
    return inside + ids[at:bisect.bisect_right(ids, last)]


def takes(patterns, topic):
    return any(topic == p or p.endswith("/*") and topic.startswith(p[:-1])
               for p in patterns)


def saw_what_it_has(ids, position, seen):
    """Whether a snapshot that saw events of the sorted ids (how many, and their
    sum) has the position. One with very many holes may have less."""
    had = ids_within(ids, position)
    if len(parse_cursor(position)[1]) >= MAX_HOLES:
        return len(had) <= seen[0] and sum(had) <= seen[1]
    return (len(had), sum(had)) == tuple(seen)


@dataclass
class Delivered:
    client: int
    topics: tuple
    start: str
    end: str            # the last position; None: everything there is
    ids: list
    number: int = 0     # of the client's lists


@dataclass
class Findings:
    lists: int = 0
    deliveries: int = 0
    missing: list = field(default_factory=list)     # (Delivered, id)
    duplicates: list = field(default_factory=list)
    disorder: list = field(default_factory=list)    # (Delivered, first, second)
    phantoms: list = field(default_factory=list)    # not in the table
    late: list = field(default_factory=list)    # (gateway, id, seconds)
    timed: int = 0      # events that may be found late
    unsure: int = 0     # events that were late while the machine stood still

    def faults(self):
        return (len(self.missing) + len(self.duplicates) + len(self.disorder)
                + len(self.phantoms))


def find_disorder(ids, begun, visible):
    """Pairs delivered as (later, earlier): visible[earlier] < begun[later]."""
    soonest, who, found = NEVER, None, []
    for event in reversed(ids):
        if soonest < begun.get(event, NEVER):
            if event in begun:
                found.append((event, who))
        if visible.get(event, NEVER) < soonest:
            soonest, who = visible[event], event
    return found


def judge(lists, rows, begun, visible):
    """rows: (id, topics) of the whole table; begun, visible: by id."""
    found = Findings()
    by_topics = {}
    known = {row[0] for row in rows}
    for one in lists:
        ids = by_topics.get(one.topics)
        if ids is None:
            ids = by_topics[one.topics] = sorted(
                row[0] for row in rows
                if any(takes(one.topics, topic) for topic in row[1]))
        had = set(ids_within(ids, one.start))
        end = ids if one.end is None else ids_within(ids, one.end)
        wanted = {i for i in end if i not in had}
        got = set(one.ids)
        found.lists += 1
        found.deliveries += len(one.ids)
        found.missing += [(one, i) for i in sorted(wanted - got)]
        found.phantoms += [(one, i) for i in sorted(got - known)]
        # What it had before it began, or was none of its topics.
        found.duplicates += [(one, i) for i in sorted((got & known) - wanted)]
        if len(got) != len(one.ids):
            seen = set()
            for i in one.ids:
                if i in seen:
                    found.duplicates.append((one, i))
                seen.add(i)
        found.disorder += [(one, *pair) for pair in
                           find_disorder(one.ids, begun, visible)]
    return found


def overlap(windows, begin, end):
    """Seconds of [begin, end] that the windows, each (begin, end), cover."""
    covered, at = 0, begin
    for low, high in sorted(windows):
        low, high = max(low, at), min(high, end)
        if low < high:
            covered += high - low
            at = high
    return covered


def find_late(first_at, visible, down, stalls, limit=LATE_S):
    """(gateway, event, seconds) of all that came later than limit after their
    commit, the number of events that were looked at, and of those that were not
    because the machine stood still.

    first_at: when the first client of a gateway had an event, by (gateway,
    event); visible: when it was known to be committed, by event. Both in s.
    down: by gateway, the windows in which it was down or cut off: events of
    these are not looked at. stalls: windows in which the machine stood still,
    each of which costs as much time again for what has piled up. They count as
    no time, and an event around which they cover more than a quarter of the time
    is not looked at."""
    late, looked_at, unsure = [], 0, 0
    slow = collections.defaultdict(list)    # by second, so that few are compared
    for low, high in stalls:
        high += high - low
        for second in range(int(low), int(high) + 1):
            slow[second].append((low, high))
    for (gateway, event), at in first_at.items():
        begun = visible.get(event, NEVER)
        if any(low < at and begun < high for low, high in down.get(gateway, ())):
            continue
        stalled = 0
        if at - begun > limit:
            since = begun - BEFORE_S
            nearby = {w for s in range(int(since), int(at) + 1) for w in slow[s]}
            if overlap(nearby, since, at) > (at - since) / 4:
                unsure += 1
                continue
            stalled = overlap(nearby, begun, at)
        looked_at += begun < NEVER
        if at - begun - stalled > limit:
            late.append((gateway, event, at - begun - stalled))
    return late, looked_at, unsure
