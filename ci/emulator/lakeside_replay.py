"""CancelReplay of EventBridge: a replay that is under way stops before its next event.

The emulator tells all events of a replay within a moment, where AWS takes minutes. Whoever wants to see one half-way makes a
file, which says for how many seconds it rests before each event, as long as it is there.
"""

import os
import time

from ministack.core.responses import error_response_json, json_response
from ministack.services import eventbridge

#: Names the file.
PAUSE = "LAKESIDE_REPLAY_PAUSE"

UNDER_WAY = {"STARTING", "RUNNING"}


def pause():
    """For how long a replay rests before an event, in seconds."""
    try:
        with open(os.environ.get(PAUSE) or os.devnull, encoding="utf-8") as file:
            return float(file.read().strip() or 0)
    except FileNotFoundError:
        return 0


def rest(replay):
    """Rests, unless it is to stop."""
    end = time.monotonic() + pause()
    while replay["State"] in UNDER_WAY and time.monotonic() < end:
        time.sleep(0.02)


def cancel(request):
    """Answers CancelReplay."""
    name = request.get("ReplayName")
    replay = eventbridge._replays.get(name)
    if replay is None:
        return error_response_json("ResourceNotFoundException", f"Replay {name} does not exist.")
    if replay["State"] not in UNDER_WAY:
        return error_response_json("IllegalStatusException", f"Replay {name} is not in a valid state for this operation.")
    replay["State"] = "CANCELLING"
    return json_response({"ReplayArn": replay["ReplayArn"], "State": "CANCELLING"})


def install():
    """Puts it between a replay and what it tells."""
    dispatch = eventbridge._dispatch_event

    def dispatch_or_stop(event, *given, **named):
        name = event.get("ReplayName")
        replay = eventbridge._replays.get(name) if name else None
        if replay is not None:
            rest(replay)
            if replay["State"] == "CANCELLING":
                replay.update(State="CANCELLED", ReplayEndTime=time.time())
                # Ends the thread that tells, and nothing else.
                raise SystemExit
        told = dispatch(event, *given, **named)
        if replay is not None:
            replay["EventLastReplayedTime"] = event.get("Time")
        return told

    eventbridge._dispatch_event, eventbridge._cancel_replay = dispatch_or_stop, cancel
