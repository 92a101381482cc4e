"""From measurements to rows: which figure is judged by which goal, and what Asterisk's was."""

from collections.abc import Sequence
from typing import Final

from bench.moments import Keys, Lights, Mix, Setup
from bench.report import Row, failures
from bench.spread import Runs, Spread
from bench.steady import Playing, Recording, Steady

RATIO_MAX: Final = 3.0
SETUP_P99_MS: Final = 20.0
SETUP_CPU_MS: Final = 8.0
KEY_MS: Final = 40.0
LIGHT_MS: Final = 200.0
SPACING_P99_MS: Final = 2.0
CALL_KIB: Final = 128.0
MIX_S: Final = 0.055
"""The column "ours, first" of telephony.md."""


def ratios(pairs: Sequence[tuple[Steady, Steady]]) -> Runs:
    """Return ours by bare, per packet, of neighbouring runs."""
    return Runs(tuple(ours.packet_us / floor.packet_us for floor, ours in pairs))


def recording_rows(calls: int, runs: Sequence[tuple[Steady, Recording]]) -> list[Row]:
    """Return what recording costs at a number of calls, and whether every message is whole."""
    times = ratios([(floor, ours.steady) for floor, ours in runs])
    packet_us = Runs(tuple(ours.steady.packet_us for _, ours in runs))
    floor_us = Runs(tuple(floor.packet_us for floor, _ in runs))
    steady = Runs(tuple(ours.steady.call_minute_s for _, ours in runs))
    whole = Runs(tuple(ours.steady.call_minute_s + ours.settling_call_minute_s for _, ours in runs))
    loaded = Runs(
        tuple((ours.steady.call_minute_s + ours.settling_call_minute_s) / floor.call_minute_s for floor, ours in runs)
    )
    setup = Spread.of([each for _, ours in runs for each in ours.setup_ms])
    wrong = (
        ("calls failed", sum(ours.failed for _, ours in runs)),
        ("messages short", sum(ours.short for _, ours in runs)),
        ("packets lost", sum(ours.lost for _, ours in runs)),
        ("datagrams dropped", sum(ours.dropped for _, ours in runs)),
    )
    name = f"recording, {calls} calls"
    return [
        Row(f"{name}: times bare receiver", times.shown(2), f"≤ {RATIO_MAX:.1f}", times.median <= RATIO_MAX),
        Row(f"{name}: µs a packet (bare)", f"{packet_us.shown(1)}; {floor_us.shown(1)}"),
        Row(f"{name}: CPU s a call-minute", steady.shown(4), asterisk="0.052 to 0.058"),
        Row(f"{name}: with settling of all messages", whole.shown(4)),
        Row(f"{name}: with settling, times bare receiver", loaded.shown(2)),
        Row(f"{name}: faults in {calls * len(runs)} messages", failures(wrong), "none", failures(wrong) == "none"),
        Row(f"{name}: set-up ms p50, p99", f"{setup.p50:.1f}, {setup.p99:.1f}"),
    ]


def playing_rows(calls: int, runs: Sequence[tuple[Steady, Playing]]) -> list[Row]:
    """Return what playing costs at a number of calls, and how evenly packets leave."""
    times = ratios([(floor, ours.steady) for floor, ours in runs])
    packet_us = Runs(tuple(ours.steady.packet_us for _, ours in runs))
    floor_us = Runs(tuple(floor.packet_us for floor, _ in runs))
    minute = Runs(tuple(ours.steady.call_minute_s for _, ours in runs))
    share = Runs(tuple(ours.complete * 100 for _, ours in runs))
    name = f"playing, {calls} calls"
    rows = [
        Row(f"{name}: times bare pair", times.shown(2), f"≤ {RATIO_MAX:.1f}", times.median <= RATIO_MAX),
        Row(f"{name}: µs a packet each way (bare)", f"{packet_us.shown(1)}; {floor_us.shown(1)}"),
        Row(f"{name}: CPU s a call-minute", minute.shown(4), asterisk="0.105 to 0.121"),
        Row(f"{name}: share of packets sent, %", share.shown(2)),
    ]
    if all(ours.off_ms for _, ours in runs):
        off = Runs(tuple(Spread.of(ours.off_ms).p99 for _, ours in runs))
        rows.append(
            Row(
                f"{name}: spacing off 20 ms, p99 ms",
                off.shown(2),
                f"≤ {SPACING_P99_MS:.0f}",
                off.median <= SPACING_P99_MS,
                "1.8 at 200 to 400",
            )
        )
    return rows


def mix_rows(per_s: float, mix: Mix) -> list[Row]:
    """Return what calls cost as they really come."""
    answer = Spread.of(mix.answer_ms)
    name = f"13 s greeting, 11 s message, {per_s:g} a second"
    return [
        Row(
            f"{name}: CPU s a call-minute",
            f"{mix.steady.call_minute_s:.4f}",
            f"≤ {MIX_S}",
            mix.steady.call_minute_s <= MIX_S,
            "0.110",
        ),
        Row(f"{name}: calls in progress, failed", f"{mix.steady.calls:.0f}, {mix.failed}"),
        Row(f"{name}: set-up ms p50, p99", f"{answer.p50:.1f}, {answer.p99:.1f}", asterisk="p99 3 at 200 calls"),
    ]


def setup_rows(runs: Sequence[Setup]) -> list[Row]:
    """Return how soon calls are answered, and what that costs."""
    spreads = [Spread.of(run.answer_ms) for run in runs]
    p50, p99 = Runs(tuple(each.p50 for each in spreads)), Runs(tuple(each.p99 for each in spreads))
    cpu = Runs(tuple(run.cpu_ms for run in runs))
    wrong = failures((("failed", sum(run.failed for run in runs)), ("sent again", sum(run.resent for run in runs))))
    return [
        Row("set-up at 50 a second: ms p50", p50.shown(1), asterisk="1.1 to 2.6"),
        Row("set-up at 50 a second: ms p99", p99.shown(1), f"≤ {SETUP_P99_MS:.0f}", p99.median <= SETUP_P99_MS, "3"),
        Row(
            "set-up and teardown: CPU ms a call", cpu.shown(1), f"≤ {SETUP_CPU_MS:.0f}", cpu.median <= SETUP_CPU_MS, "4"
        ),
        Row("set-up: faults", wrong, "none", wrong == "none"),
    ]


def moment_rows(keys: Keys, lights: Lights) -> list[Row]:
    """Return how soon a key silences a prompt, and a message lights the lamp."""
    silent, lit = Spread.of(keys.silent_ms), Spread.of(lights.lit_ms)
    last = Spread.of(keys.last_packet_ms)
    return [
        Row(
            f"key to silence, {silent.count} calls: ms p50, p99, max",
            f"{silent.p50:.1f}, {silent.p99:.1f}, {silent.most:.1f}",
            f"≤ {KEY_MS:.0f}",
            silent.p99 <= KEY_MS,
        ),
        Row(
            "key to the prompt's last packet: ms p50, p99, max",
            f"{last.p50:.1f}, {last.p99:.1f}, {last.most:.1f}",
        ),
        Row(
            f"hang-up to NOTIFY, {lit.count} calls: ms p50, p99",
            f"{lit.p50:.1f}, {lit.p99:.1f}",
            f"≤ {LIGHT_MS:.0f}",
            lit.p99 <= LIGHT_MS and not lights.missing,
        ),
    ]


def memory_rows(idle_kib: int, calls: int, recording: Recording) -> list[Row]:
    """Return what the process holds, idle and with calls."""
    each = (recording.rss_kib - idle_kib) / calls
    return [
        Row("memory idle, MiB", f"{idle_kib / 1024:.0f}"),
        Row(f"memory at {calls} recording calls, MiB", f"{recording.rss_kib / 1024:.0f}"),
        Row("memory: KiB a call", f"{each:.0f}", f"≤ {CALL_KIB:.0f}", each <= CALL_KIB, "200"),
    ]
