from tracking.actions.dispatch import run_dispatch
from tracking.actions.projections import advance, rebuild
from tracking.actions.record import Occurrence, record, record_all

__all__ = ["Occurrence", "advance", "rebuild", "record", "record_all", "run_dispatch"]
