import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """The median of ours against the median of the limit; `ratio` is ours / limit for times, where less is better."""

    name: str
    value: float
    unit: str
    limit: float
    ratio: float
    runs: int
    detail: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compared(name: str, *, ours: str, limit: str, times: Mapping[str, list[float]], **detail: Any) -> Result:
    """From the seconds of every run of every case. Prints them as a table first."""
    width = max(map(len, times))
    print(f"\n{'':{width}}   median      min      max  runs")
    for case, taken in times.items():
        middle = statistics.median(taken)
        print(f"{case:{width}}  {middle:6.3f} s {min(taken):6.3f} s {max(taken):6.3f} s  {len(taken):4}")
    medians = {case: round(statistics.median(taken), 4) for case, taken in times.items()}
    return Result(
        name=name,
        value=medians[ours],
        unit="s",
        limit=medians[limit],
        ratio=round(medians[ours] / medians[limit], 2),
        runs=len(times[ours]),
        detail={"medians": medians, **detail},
    )


def rates(
    name: str, *, ours: str, limit: str, per_second: Mapping[str, list[float]], unit: str, **detail: Any
) -> Result:
    """From the rates of every run of every case; more is better. Prints them as a table first."""
    width = max(map(len, per_second))
    print(f"\n{'':{width}}    median       min       max  runs")
    for case, reached in per_second.items():
        middle = statistics.median(reached)
        print(f"{case:{width}}  {middle:8,.0f}  {min(reached):8,.0f}  {max(reached):8,.0f}  {len(reached):4}")
    medians = {case: round(statistics.median(reached), 1) for case, reached in per_second.items()}
    return Result(
        name=name,
        value=medians[ours],
        unit=unit,
        limit=medians[limit],
        ratio=round(medians[ours] / medians[limit], 3),
        runs=len(per_second[ours]),
        detail={"medians": medians, **detail},
    )
