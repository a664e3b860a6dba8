"""Everybody's forecast by one version, written where it moved."""

from collections.abc import Callable
from typing import Any

import numpy as np
from django.db import connection

from loyalty.actions.forecasting import arrays, reading
from loyalty.actions.forecasting.fitting import Model
from loyalty.actions.forecasting.reading import Members
from loyalty.queries.forecasts import HORIZON, Extent
from loyalty.scoring import bgnbd, holdout

COLUMNS = {
    "member_id": "bigint",
    "p_alive": "float8",
    "p_return": "float8",
    "expected_orders": "float8",
    "expected_value": "float8",
    "risk": "smallint",
}
LARGEST_VALUE = 999_999_999_999.0


def foretell(model: Model, known: Extent, *, watch: Callable[[int], None]) -> None:
    """Everybody's forecast into a table of this session; `watch` is told how many are done."""
    done = 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS foretold")
        cursor.execute(_MAKE_ROOM)
    for members in reading.everybody(known):
        done += arrays.write("foretold", COLUMNS, _forecasts(model, members))
        watch(done)


def write_moved(*, is_exact: bool) -> int:
    """Bring the forecasts up to date; how many were written. Whoever has no order any more has none.

    Each night everybody is a day older, and everybody's numbers move a little. Unless `is_exact`, a forecast is
    written when somebody would see it: from a hundredth of a probability or a fiftieth of the orders or the value on.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(_FIND_MOVED, {"is_exact": is_exact})
        cursor.execute(_DELETE_GONE)
        cursor.execute(_WRITE_MOVED)
        written = cursor.rowcount
        cursor.execute("DROP TABLE forecast_moved, foretold")
    return written


def forget() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS forecast_moved, foretold")


def _forecasts(model: Model, members: Members) -> dict[str, Any]:
    known = (members.x, members.t_x, members.age)
    orders = bgnbd.expected_purchases(model.coming, HORIZON, *known)
    chance = bgnbd.p_return(model.coming, HORIZON, *known)
    return {
        "member_id": members.ids,
        "p_alive": np.round(bgnbd.p_alive(model.coming, *known), 4),
        "p_return": np.round(chance, 4),
        "expected_orders": np.round(orders, 3),
        "expected_value": np.minimum(np.round(orders * model.value_of(members), 2), LARGEST_VALUE),
        "risk": holdout.risk_of(chance, model.cuts),
    }


_MAKE_ROOM = """
    CREATE TEMPORARY TABLE foretold (
        member_id bigint, p_alive float8, p_return float8, expected_orders float8, expected_value float8, risk smallint
    )
"""
_FIND_MOVED = """
    DROP TABLE IF EXISTS forecast_moved;
    CREATE TEMPORARY TABLE forecast_moved AS
    SELECT known.member_id AS gone_id, current.*
    FROM (
        SELECT member_id, p_alive, p_return, expected_orders, expected_value::numeric(14, 2) AS expected_value,
               (ARRAY['low', 'medium', 'high'])[risk + 1] AS churn_risk
        FROM foretold
    ) current
    FULL JOIN loyalty_forecast known USING (member_id)
    WHERE current.member_id IS NULL OR known.member_id IS NULL OR current.churn_risk <> known.churn_risk
       OR CASE WHEN %(is_exact)s THEN
              (current.p_alive, current.p_return, current.expected_orders, current.expected_value)
              <> (known.p_alive, known.p_return, known.expected_orders, known.expected_value)
          ELSE
              abs(current.p_alive - known.p_alive) >= 0.01 OR abs(current.p_return - known.p_return) >= 0.01
              OR abs(current.expected_orders - known.expected_orders) > greatest(0.02 * known.expected_orders, 0.005)
              OR abs(current.expected_value - known.expected_value) > greatest(0.02 * known.expected_value, 0.05)
          END
"""
_DELETE_GONE = (
    "DELETE FROM loyalty_forecast USING forecast_moved moved WHERE moved.member_id IS NULL "
    "AND loyalty_forecast.member_id = gone_id"
)
_WRITE_MOVED = """
    INSERT INTO loyalty_forecast AS known
        (member_id, p_alive, p_return, expected_orders, expected_value, churn_risk)
    SELECT member_id, p_alive, p_return, expected_orders, expected_value, churn_risk
    FROM forecast_moved WHERE member_id IS NOT NULL
    ON CONFLICT (member_id) DO UPDATE SET
        p_alive = excluded.p_alive, p_return = excluded.p_return, expected_orders = excluded.expected_orders,
        expected_value = excluded.expected_value, churn_risk = excluded.churn_risk
"""
