"""What stops the demo; every message is a sentence for its user.

DemoFailed
├── NothingToPlayOn    no system was found, or not one that the demo can use
├── OutOfReach         the system did not answer in time, or not the way a story goes on
└── Refused            the API refused what a story asks of it
"""


class DemoFailed(Exception):
    """The demo cannot go on."""


class NothingToPlayOn(DemoFailed):
    """There is no running system, or one that lacks what the demo needs."""


class OutOfReach(DemoFailed):
    """What was waited for did not happen within the demo's patience."""


class Refused(DemoFailed):
    """A request was answered with a problem that waiting does not solve."""
