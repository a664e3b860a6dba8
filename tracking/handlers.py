"""What tracking itself does when the log grows. Imported at start-up (see tracking.apps)."""

from tracking.actions import read_model
from tracking.bus import follow_received
from tracking.models import Projection


@follow_received(Projection.READ_MODEL, reset=read_model.forget_received)
def keep_the_read_model(after: int, upto: int) -> None:
    read_model.enter_received(after, upto)
