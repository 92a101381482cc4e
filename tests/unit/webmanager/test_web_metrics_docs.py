"""docs/operations/metrics.md names every figure with its type and labels, and none that does not exist."""

import re
from dataclasses import fields
from pathlib import Path

from prometheus_client import Metric

from ivr.sip.counters import Counters
from voicebox.metrics import CallResult, Metrics

PAGE = (Path(__file__).parents[3] / "docs" / "operations" / "metrics.md").read_text(encoding="utf-8")


def figures() -> dict[str, Metric]:
    """Every family by the name it is queried by."""
    metrics = Metrics(process=False)
    metrics.sip_counted({"received": 1})
    metrics.sip_held(transactions=0, connections=0)
    metrics.spool(size_bytes=0, free_s=0, failing=False, syncs=0)
    metrics.audio_backlog(waiting=0, broken=0)
    metrics.settlement(stored=0, broken=0, failures=0)
    metrics.outbox("mwi", depth=0, oldest_s=0)
    metrics.outbox_given_up("mwi")
    return {
        family.name + ("_total" if family.type == "counter" else ""): family for family in metrics.registry.collect()
    }


def documented() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `(voicebox_\w+)` \| (\w+) \| (?:`(\w+)` )?\| .+ \|$", PAGE, re.MULTILINE)
    assert len({row[0] for row in rows}) == len(rows), "a figure is documented twice"
    return {name: (kind, label) for name, kind, label in rows}


def test_every_figure_is_documented_and_nothing_else_is() -> None:
    assert sorted(documented()) == sorted(figures())


def test_documented_types_and_labels_are_the_true_ones() -> None:
    for name, family in figures().items():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert documented()[name] == (family.type, "".join(labels)), name


def test_every_result_of_a_call_is_explained() -> None:
    for result in CallResult:
        assert f"`{result}`" in PAGE


def test_every_sip_event_is_explained_and_no_other() -> None:
    section = PAGE.partition("| `event` | What happened |")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [each.name for each in fields(Counters)]


def test_figures_that_alarms_name_exist() -> None:
    named = set(re.findall(r"expr: .*?(voicebox_\w+)", PAGE)) | set(re.findall(r"\((voicebox_\w+)", PAGE))
    assert named <= set(figures())
