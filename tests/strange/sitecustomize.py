"""Makes Python believe that it runs on another machine: another day, other processors, folders listed in another order.

Python imports this by itself when the folder is on its path (`tests/surroundings.py` puts it there), so that a build,
its runs of chapters and their kernels all live on the same strange machine.
"""

import ctypes
import datetime
import gc
import os
import time

DAYS = float(os.environ.get("STRANGE_DAYS", "0"))
SHIFT = datetime.timedelta(days=DAYS)
_time, _list, _scan = time.time, os.listdir, os.scandir


def _now() -> float:
    return _time() + SHIFT.total_seconds()


def _put(kind: type, name: str, method) -> None:
    """Replace a method of a compiled type in place; a subclass instead would not fit compiled libraries."""
    gc.get_referents(kind.__dict__)[0][name] = classmethod(method)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _shift_dates(date: type, moment: type, utc) -> None:
    _put(date, "today", lambda cls: cls.fromtimestamp(_now()))
    _put(moment, "now", lambda cls, tz=None: cls.fromtimestamp(_now(), tz))
    _put(moment, "utcnow", lambda cls: cls.fromtimestamp(_now(), utc).replace(tzinfo=None))


class _Scan:
    def __init__(self, *arguments):
        with _scan(*arguments) as entries:
            self._entries = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._entries)

    def close(self):
        self._entries = iter(())


def _with_clock(convert):
    return lambda seconds=None: convert(_now() if seconds is None else seconds)


if DAYS:
    _shift_dates(datetime.date, datetime.datetime, datetime.UTC)
    time.time, time.time_ns = _now, lambda: int(_now() * 1e9)
    time.localtime, time.gmtime, time.ctime = map(_with_clock, (time.localtime, time.gmtime, time.ctime))
    _strftime = time.strftime
    time.strftime = lambda form, when=None: _strftime(form, time.localtime() if when is None else when)
    os.listdir = lambda *arguments: sorted(_list(*arguments), reverse=True)
    os.scandir = _Scan
if count := os.environ.get("STRANGE_PROCESSORS"):
    os.cpu_count = lambda: int(count)
