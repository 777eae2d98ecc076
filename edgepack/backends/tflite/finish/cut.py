"""The cheapest way to part a graph in two."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

SOURCE, SINK = "source", "sink"

type Vertex = Hashable
type Edge = tuple[Vertex, Vertex, float]
type _Capacities = dict[Vertex, dict[Vertex, float]]


def source_part(edges: Iterable[Edge]) -> set[Vertex]:
    """Part the vertices into those with `SOURCE` and those with `SINK`, at the least cost.

    An edge costs its capacity when it leads from the source's part to the sink's. By the theorem of Ford and
    Fulkerson that cost is the greatest flow; it is found along shortest augmenting paths (Edmonds and Karp,
    Journal of the ACM 19 (1972) 248, https://doi.org/10.1145/321694.321699).

    Args:
        edges: From, to, capacity; several between the same two vertices add up.

    Returns:
        The source's part of the cheapest cut, as small as it may be.
    """
    left: _Capacities = {SOURCE: {}, SINK: {}}
    for start, end, capacity in edges:
        left.setdefault(start, {})[end] = left.get(start, {}).get(end, 0) + capacity
        left.setdefault(end, {}).setdefault(start, 0)
    while True:
        before = _reached(left)
        if SINK not in before:
            return set(before)
        path = _path(before)
        flow = min(left[start][end] for start, end in path)
        for start, end in path:
            left[start][end] -= flow
            left[end][start] += flow


def _path(before: dict[Vertex, Vertex]) -> list[tuple[Vertex, Vertex]]:
    path = []
    vertex: Vertex = SINK
    while vertex != SOURCE:
        path.append((before[vertex], vertex))
        vertex = before[vertex]
    return path


def _reached(left: _Capacities) -> dict[Vertex, Vertex]:
    """Go from the source wherever capacity is left, until the sink is met; give each vertex's forerunner."""
    before: dict[Vertex, Vertex] = {SOURCE: SOURCE}
    queue: deque[Vertex] = deque([SOURCE])
    while queue and SINK not in before:
        vertex = queue.popleft()
        for following, capacity in left[vertex].items():
            if capacity > 0 and following not in before:
                before[following] = vertex
                queue.append(following)
    return before
