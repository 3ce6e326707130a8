"""Asks the libraries themselves what the tables say of them.

    python libraries.py

Needs the libraries of requirements.txt. For each row of `rules/models/registries.toml` that is about one of them: an
object is registered and dropped, a full collection runs, and the object must be there still, or be gone where the
library holds weakly; then it is taken out as the row says, and must be gone.
"""

import gc
import pathlib
import sys
import tomllib
import weakref

import blinker
import django.dispatch
import matplotlib
import prometheus_client
import schedule
import zope.event

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MEASURED = {"blinker", "django", "matplotlib", "prometheus_client", "schedule", "zope"}


class Subject:
    """What is registered."""

    def run(self, *_args, **_keywords):
        return []

    def collect(self):
        return []


def is_kept(register, remove=None):
    """Whether a registry keeps what it is given; when `remove` is there, after taking it out again."""
    subject = Subject()
    answer = register(subject)
    if remove is not None:
        remove(subject, answer)
    there = weakref.ref(subject)
    del subject, answer
    gc.collect()
    return there() is not None


def signal_of_django():
    signal = django.dispatch.Signal()
    yield "weak", "django.dispatch.Signal.connect", lambda it: signal.connect(it.run), None
    yield "strong", "django.dispatch.Signal.connect", lambda it: signal.connect(it.run, weak=False), None
    yield "removed", "django.dispatch.Signal.connect", lambda it: signal.connect(it.run, weak=False), (
        lambda it, _answer: signal.disconnect(it.run)
    )
    yield "weak", "django.dispatch.receiver", lambda it: django.dispatch.receiver(signal)(it.run) and None, None
    yield "strong", "django.dispatch.receiver", (
        lambda it: django.dispatch.receiver(signal, weak=False)(it.run) and None
    ), None


def signal_of_blinker():
    signal = blinker.signal("saved")
    yield "weak", "blinker.signal.connect", lambda it: signal.connect(it.run) and None, None
    yield "strong", "blinker.signal.connect", lambda it: signal.connect(it.run, weak=False) and None, None
    yield "removed", "blinker.signal.connect", lambda it: signal.connect(it.run, weak=False) and None, (
        lambda it, _answer: signal.disconnect(it.run)
    )


def registries():
    registry = prometheus_client.REGISTRY
    yield "strong", "prometheus_client.REGISTRY.register", registry.register, None
    yield "removed", "prometheus_client.REGISTRY.register", registry.register, (
        lambda it, _answer: registry.unregister(it)
    )
    subscribers = zope.event.subscribers
    yield "strong", "zope.event.subscribers.append", lambda it: subscribers.append(it.run), None
    yield "removed", "zope.event.subscribers.append", lambda it: subscribers.append(it.run), (
        lambda _it, _answer: subscribers.pop()
    )
    yield "strong", "schedule.every.seconds.do", lambda it: schedule.every(9).seconds.do(it.run), None
    yield "removed", "schedule.every.seconds.do", lambda it: schedule.every(9).seconds.do(it.run), (
        lambda _it, job: schedule.cancel_job(job)
    )


def figures():
    """pyplot keeps a figure until it is closed; `clf` and `del` change nothing."""
    matplotlib.use("Agg")
    from matplotlib import figure, pyplot

    def kept(make, end):
        made = make()
        end(made)
        there = weakref.ref(made)
        del made
        gc.collect()
        return there() is not None

    nothing = lambda made: None  # noqa: E731
    yield "matplotlib.pyplot.figure", True, kept(pyplot.figure, nothing)
    yield "matplotlib.pyplot.subplots", True, kept(lambda: pyplot.subplots()[0], nothing)
    yield "matplotlib.pyplot.figure, cleared", True, kept(pyplot.figure, lambda it: it.clf())
    yield "matplotlib.pyplot.close", False, kept(pyplot.figure, pyplot.close)
    yield "matplotlib.figure.Figure", False, kept(figure.Figure, nothing)
    many = len(pyplot.get_fignums())
    for _ in range(5):
        pyplot.figure()
    yield "five more figures are five more in the list", 5, len(pyplot.get_fignums()) - many
    pyplot.close("all")
    yield "after close('all') none", 0, len(pyplot.get_fignums())


def main():
    table = tomllib.loads((ROOT / "rules/models/registries.toml").read_text(encoding="utf-8"))
    rows = [row["names"] for row in table["registry"]] + [
        row["names"] for row in table["role"] if row["is"] in ("figure", "close-figure")
    ]
    wrong, asked = [], set()
    for cases in (signal_of_django(), signal_of_blinker(), registries()):
        for kind, name, register, remove in cases:
            asked.add(name)
            if is_kept(register, remove) != (kind == "strong"):
                wrong.append(f"{name}: not {kind}")
    for name, wanted, is_so in figures():
        asked.add(name)
        if is_so != wanted:
            wrong.append(f"{name}: {is_so}, not {wanted}")
    for names in rows:
        if names[0].split(".")[0] in MEASURED and not asked.intersection(names):
            wrong.append(f"the row of {names[0]} is not measured")
    for line in wrong:
        print(f"libraries: {line}", file=sys.stderr)
    print(f"libraries: {len(asked)} names asked, {len(wrong)} wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
