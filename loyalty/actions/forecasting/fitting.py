"""A new version of the model: fitted twice, without the holdout to see what it is worth, and on all to be used."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from loyalty.actions.forecasting.reading import Members, Past
from loyalty.models import ForecastVersion
from loyalty.queries.forecasts import HORIZON, Extent
from loyalty.scoring import CODE_VERSION, bgnbd, gamma_gamma, holdout
from loyalty.scoring.holdout import Cuts, Holdout

WEEKS = HORIZON // 7
LEAST_VALUES = 30


@dataclass(frozen=True)
class Model:
    """A version as it computes."""

    coming: bgnbd.Parameters
    spending: gamma_gamma.Parameters | None
    mean_value: float
    cuts: Cuts

    @classmethod
    def of(cls, version: ForecastVersion) -> "Model":
        spending = version.value_parameters
        return cls(
            coming=bgnbd.Parameters(**version.parameters),
            spending=spending and gamma_gamma.Parameters(**spending),
            mean_value=version.mean_value,
            cuts=Cuts(**version.trained["cuts"]),
        )

    def value_of(self, members: Members) -> Any:
        """What a purchase of each member will be worth; shape (members,)."""
        if self.spending:
            return gamma_gamma.expected_value(self.spending, members.x + 1, members.value)
        return np.full(members.x.shape, self.mean_value)


def fit(
    extent: Extent, members: Members, sample: Members, past: Past, *, in_use: ForecastVersion | None, now: datetime
) -> ForecastVersion:
    """A version, not saved: what was fitted, how it did on the holdout, and whether it may take over from `in_use`.

    `members` are fitted on. `sample` is a part of them, which says what to expect week by week, and `past` what was
    known of that part when the holdout began.
    """
    found = bgnbd.fit(members.x, members.t_x, members.age)
    spending = _fit_spending(members)
    trained = bgnbd.fit(past.x, past.t_x, past.age).parameters
    held, cuts = _try_out(trained, past, extent.holdout)
    version = ForecastVersion(
        as_of=extent.as_of,
        fitted_at=now,
        code_version=CODE_VERSION,
        kind=_kind_of(found.parameters),
        parameters=_as_json(found.parameters),
        value_parameters=asdict(spending.parameters) if spending else None,
        mean_value=max(extent.spent, 0) / extent.orders,
        log_likelihood=found.log_likelihood,
        value_log_likelihood=spending.log_likelihood if spending else None,
        first_day=extent.first_day,
        members=extent.members,
        orders=extent.orders,
        fitted_on=members.ids.size,
        trained={"parameters": _as_json(trained), "cuts": asdict(cuts), "members": sample.ids.size},
        holdout=held.as_json(),
        expected_by_week=_by_week(found.parameters, sample, extent.members / sample.ids.size),
    )
    _judge(version, held, _tried_again(in_use, past, extent.holdout), in_use)
    return version


def _fit_spending(members: Members) -> gamma_gamma.Fit | None:
    """Of purchases of some value, by everybody, the first included; None where there are too few to tell."""
    told = members.value > 0
    if told.sum() < LEAST_VALUES:
        return None
    return gamma_gamma.fit(members.x[told] + 1, members.value[told])


def _try_out(parameters: bgnbd.Parameters, past: Past, days: int, cuts: Cuts | None = None) -> tuple[Holdout, Cuts]:
    known = (past.x, past.t_x, past.age)
    return holdout.compare(
        days=days,
        expected=bgnbd.expected_purchases(parameters, days, *known),
        actual=past.later,
        chance=bgnbd.p_return(parameters, days, *known),
        cuts=cuts,
    )


def _tried_again(version: ForecastVersion | None, past: Past, days: int) -> Holdout | None:
    """How the version in use would have done on this holdout: by its fit that ended 90 days before its own date, so
    that neither has seen the days it is asked about.
    """
    if version is None:
        return None
    return _try_out(bgnbd.Parameters(**version.trained["parameters"]), past, days)[0]


def _judge(version: ForecastVersion, held: Holdout, before: Holdout | None, in_use: ForecastVersion | None) -> None:
    if in_use and in_use.pinned_at:
        version.verdict = ForecastVersion.Verdict.PINNED
        version.reason = f"Version {in_use.pk} was pinned."
    elif before and holdout.is_clearly_worse(held, before):
        version.verdict = ForecastVersion.Verdict.WORSE
        version.reason = (
            f"In the same {held.days} days it missed each member by {held.mae:.2f} orders; version {in_use.pk} "  # type: ignore[union-attr]
            f"by {before.mae:.2f}."
        )


def _by_week(parameters: bgnbd.Parameters, members: Members, factor: float) -> list[float]:
    """Orders of everybody in each of the weeks after the fit."""
    known = (members.x, members.t_x, members.age)
    sums = [float(bgnbd.expected_purchases(parameters, 7 * week, *known).sum()) for week in range(WEEKS + 1)]
    return [round(float(orders) * factor, 2) for orders in np.diff(sums)]


def _kind_of(parameters: bgnbd.Parameters) -> ForecastVersion.Kind:
    return ForecastVersion.Kind.BGNBD if parameters.has_dropout else ForecastVersion.Kind.NBD


def _as_json(parameters: bgnbd.Parameters) -> dict[str, float]:
    return {name: value for name, value in asdict(parameters).items() if value is not None}
