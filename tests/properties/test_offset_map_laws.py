"""Laws of the map of finished offsets: exact, within the broker's limit, and never a deadlock."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from webhook_service.offset_map import LIMIT, decode, encode, worst_bytes
from webhook_service.offsets import Progress

chances = st.floats(0, 1)
#: Some receive, some finish, a commit, a crash; in bursts, so that maps become large.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), st.integers(1, 4_000), st.integers(1, 3)),
        st.tuples(st.just("finish"), st.integers(0, 2**32), chances),
        st.tuples(st.just("commit"), st.just(0), st.just(0)),
        st.tuples(st.just("crash"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=30,
)


class Partition:
    """A partition of which one knows what is finished, beside what `Progress` says."""

    def __init__(self) -> None:
        self.progress = Progress(0)
        self.open: list[int] = []
        self.finished: set[int] = set()
        self.next = 0
        self.kept = (0, "", frozenset[int]())

    def receive(self, count: int, gap: int) -> None:
        for _ in range(count):
            if not self.progress.has_room(self.next):
                return
            if self.progress.receive(self.next):
                self.open.append(self.next)
            self.next += gap if self.next >= self.kept[0] + 100_000 else 1

    def finish(self, seed: int, share: float) -> None:
        kept = []
        for offset in self.open:
            seed = (seed * 1_103_515_245 + 12_345) % 2**31
            if seed / 2**31 < share:
                self.progress.finish(offset)
                self.finished.add(offset)
            else:
                kept.append(offset)
        self.open = kept

    def commit(self) -> None:
        position = self.progress.position()
        if position is not None:
            self.kept = (*position, frozenset(self.finished))
            self.progress.committed()

    def crash(self) -> None:
        offset, metadata, finished = self.kept
        self.progress = Progress(offset, metadata)
        self.open, self.finished, self.next = [], set(finished), offset


@given(steps)
def test_whatever_finishes_first_the_map_is_exact_and_fits(plan):
    partition = Partition()
    for what, much, how in plan:
        if what == "receive":
            partition.receive(much, int(how))
        elif what == "finish":
            partition.finish(much, how)
        elif what == "commit":
            partition.commit()
        else:
            partition.crash()
        position, metadata = partition.progress.position() or partition.kept[:2]

        assert len(metadata) <= LIMIT
        named = decode(position, metadata)
        reached = max(partition.next, named.end)
        beyond = {offset for offset in partition.finished if offset >= position}
        assert {offset for offset in range(position, reached) if offset in named} == beyond

    # Whatever is unfinished finishes some day, and then there is room.
    partition.finish(1, 1.0)
    partition.commit()
    assert partition.progress.has_room(partition.next)


@given(st.sets(st.integers(0, 3_000)), st.integers(1, 3_001))
@example({2}, 4)
def test_no_map_is_longer_than_its_bound(unfinished, end):
    open_ = sorted(offset for offset in unfinished | {0} if offset < end)

    metadata = encode(0, end, open_)

    assert len(metadata) <= worst_bytes(end, len(open_))
    named = decode(0, metadata)
    assert [offset for offset in range(end) if offset not in named] == open_ or not metadata
