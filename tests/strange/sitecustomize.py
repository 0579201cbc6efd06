"""Makes Python believe that it runs on another machine: another day, other processors, folders listed in another order.

Python imports this by itself when the folder is on its path (`tests/surroundings.py` puts it there), so that a build,
its runs of chapters and their kernels all live on the same strange machine.
"""

import datetime
import os
import time

DAYS = float(os.environ.get("STRANGE_DAYS", "0"))
SHIFT = datetime.timedelta(days=DAYS)
_time, _list, _scan = time.time, os.listdir, os.scandir
_real_date, _real_datetime = datetime.date, datetime.datetime


def _now() -> float:
    return _time() + SHIFT.total_seconds()


class _Kind(type):
    """Lets real dates pass for shifted ones, as libraries check the kind of what they are handed."""

    def __instancecheck__(cls, one):
        return isinstance(one, cls.__mro__[1])


class _Date(_real_date, metaclass=_Kind):
    @classmethod
    def today(cls):
        return _real_date.fromtimestamp(_now())


class _DateTime(_real_datetime, metaclass=_Kind):
    @classmethod
    def now(cls, tz=None):
        return _real_datetime.fromtimestamp(_now(), tz)

    @classmethod
    def today(cls):
        return _real_datetime.fromtimestamp(_now())

    @classmethod
    def utcnow(cls):
        return _real_datetime.fromtimestamp(_now(), datetime.timezone.utc).replace(tzinfo=None)


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
    datetime.date, datetime.datetime = _Date, _DateTime
    time.time, time.time_ns = _now, lambda: int(_now() * 1e9)
    time.localtime, time.gmtime, time.ctime = map(_with_clock, (time.localtime, time.gmtime, time.ctime))
    _strftime = time.strftime
    time.strftime = lambda form, when=None: _strftime(form, time.localtime() if when is None else when)
    os.listdir = lambda *arguments: sorted(_list(*arguments), reverse=True)
    os.scandir = _Scan
if count := os.environ.get("STRANGE_PROCESSORS"):
    os.cpu_count = lambda: int(count)
