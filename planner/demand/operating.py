"""Where a replica is run: the batch, its latencies, and the requests per second it keeps up with.

One pool reads and writes: at a concurrency of n a request costs s_in·(1 - hit)/R_read + s_out·T(n)/n seconds of the
replica, so its capacity is the inverse of that; a share f of the time goes to reading. Reading interrupts writing, so
a token takes T(n)/(1 - f); prompts queue behind prompts, so the first token takes t·(1 + q·f/(1 - f)). Latency targets
are 99th percentiles: jitter and q are fitted on MLPerf's server and interactive rows (docs/sizing-inference.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from planner.demand.serving import Engine

FIRST_TOKEN_OVERHEAD_S = 0.02
MOST_READING = 0.97  # beyond this share the queue of prompts has no end


@dataclass(frozen=True, slots=True)
class Demand:
    """Mean lengths in tokens, share of the prompt already cached, and 99th percentile targets in seconds."""

    prompt: float
    written: float
    prefix: float = 0.0
    first_s: float | None = None
    token_s: float | None = None

    @property
    def fresh(self) -> float:
        """Prompt tokens that must be read."""
        return max(1.0, self.prompt * (1.0 - self.prefix))


@dataclass(frozen=True, slots=True)
class Point:
    """A replica at work: concurrency, requests per second at full load, 99th percentile latencies, and the limit."""

    batch: int
    requests_per_s: float
    first_token_s: float
    per_token_s: float
    limit: str
    readers: int = 0  # engines of the group that only read prompts; 0: every engine reads and writes


def point(engine: Engine, batch: int, demand: Demand, table: Mapping[str, float]) -> Point:
    """The replica at a concurrency of `batch`."""
    step, limit = engine.write_step(batch, demand.prompt + demand.written / 2)
    reading = demand.fresh / engine.read_rate(demand.prompt)
    if engine.attention == "data":  # ranks with prompts to read hold up those that write
        reading *= engine.pace.mixed
    per_request = reading + demand.written * step / batch
    share = reading / per_request
    # a single prompt does not spread over all ranks when each holds whole attention weights
    alone = engine.prompt_s(demand.fresh) * (2.0 if engine.attention == "data" else 1.0)
    busy = min(MOST_READING, share)
    first = FIRST_TOKEN_OVERHEAD_S + step + alone * (1.0 + table.get("queue", 2.0) * busy / (1.0 - busy))
    if share > 0.5:
        limit = "compute while reading prompts"
    token = table.get("jitter", 1.2) * step / (1.0 - min(MOST_READING, share))
    token *= engine.pace.uneven if engine.attention == "data" else 1.0
    return Point(batch, 1.0 / per_request, first, token, limit)


def ok(found: Point, demand: Demand) -> bool:
    """Whether both targets hold."""
    return (demand.first_s is None or found.first_token_s <= demand.first_s) and (
        demand.token_s is None or found.per_token_s <= demand.token_s
    )


def best_point(engine: Engine, demand: Demand, table: Mapping[str, float], most: int | None = None) -> Point | None:
    """The largest concurrency that memory and targets allow; None when not even one request meets the targets."""
    fits = engine.sequences_that_fit(demand.prompt + demand.written)
    if most is not None:
        fits = min(fits, most)
    if fits < 1:
        return None
    top = point(engine, fits, demand, table)
    if ok(top, demand):
        writing = top.limit.startswith("memory bandwidth")
        return replace(top, limit="memory capacity") if writing and fits < 256 * engine.cards else top
    batch = largest(fits, lambda n: ok(point(engine, n, demand, table), demand))
    return point(engine, batch, demand, table) if batch else None


def divided_point(engine: Engine, engines: int, demand: Demand, table: Mapping[str, float]) -> Point | None:
    """A group of equal engines of which some only read and the others only write; None when no division works.

    Writing is not interrupted, so the batch may grow until T(n) itself meets the target; reading runs at the load at
    which its queue meets the first-token target. The cache of a prompt crosses the links once. The division with the
    smaller surplus of either side wins; rates are those of the whole group.
    """
    if engines < 2:
        return None
    context = demand.prompt + demand.written / 2
    fits = engine.sequences_that_fit(demand.prompt + demand.written)
    jitter, weight = table.get("jitter", 1.2), table.get("queue", 2.0)
    jitter *= engine.pace.uneven if engine.attention == "data" else 1.0
    batch = largest(
        fits, lambda n: demand.token_s is None or jitter * engine.write_step(n, context)[0] <= demand.token_s
    )
    alone = engine.prompt_s(demand.fresh) * (2.0 if engine.attention == "data" else 1.0)
    moved = engine.cache_bytes(demand.prompt) / engine.cards / engine.link_bytes
    fixed = FIRST_TOKEN_OVERHEAD_S + moved + alone
    if batch < 1 or (demand.first_s is not None and fixed >= demand.first_s):
        return None
    busy = MOST_READING
    if demand.first_s is not None:
        waiting = (demand.first_s - fixed) / (alone * weight)
        busy = min(MOST_READING, waiting / (1.0 + waiting))
    step, limit = engine.write_step(batch, context)
    reads = busy * engine.read_rate(demand.prompt) / demand.fresh
    writes = batch / (demand.written * step)
    readers = max(range(1, engines), key=lambda r: min(r * reads, (engines - r) * writes))
    rate = min(readers * reads, (engines - readers) * writes)
    load = rate / (readers * reads) * busy
    first = fixed + alone * weight * load / (1.0 - load)
    if readers * reads < (engines - readers) * writes:
        limit = "compute while reading prompts"
    return Point(batch, rate, first, jitter * step, limit, readers)


def largest(most: int, good: Callable[[int], bool]) -> int:
    """The largest count up to `most` that is good, where goodness never returns once lost; 0 when 1 is not."""
    if most < 1 or not good(1):
        return 0
    if good(most):
        return most
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    return low
