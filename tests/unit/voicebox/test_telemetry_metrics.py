"""The figures count what happened, under stable names."""

from prometheus_client.parser import text_string_to_metric_families

from voicebox.callrecord import RtpFigures
from voicebox.metrics import CallResult, MailResult, Metrics


def test_call_is_counted_from_its_beginning_to_its_end() -> None:
    metrics = Metrics(process=False)
    metrics.call_began()
    metrics.call_began()
    metrics.call_answered(0.004)
    assert metrics.value("voicebox_calls") == 2
    metrics.call_ended(CallResult.MESSAGE, RtpFigures(received=500, lost=3, sent=400))
    metrics.call_ended(CallResult.PORTAL, RtpFigures(received=5, lost=-2))
    assert metrics.value("voicebox_calls") == 0
    assert metrics.value("voicebox_calls_ended_total", result="message") == 1
    assert metrics.value("voicebox_rtp_packets_received_total") == 505
    assert metrics.value("voicebox_rtp_packets_lost_total") == 3
    assert metrics.value("voicebox_rtp_packets_sent_total") == 400
    assert metrics.value("voicebox_call_setup_seconds_count") == 1


def test_counters_kept_elsewhere_are_shown_as_they_were_handed_over() -> None:
    metrics = Metrics(process=False)
    metrics.sip_counted({"received": 5, "malformed": 1})
    metrics.sip_counted({"received": 7, "malformed": 1})
    assert metrics.value("voicebox_sip_events_total", event="received") == 7
    assert metrics.value("voicebox_sip_events_total", event="malformed") == 1
    assert b"# TYPE voicebox_sip_events_total counter" in metrics.render()


def test_each_event_moves_its_figure() -> None:
    metrics = Metrics(process=False)
    metrics.message_taken("recovered")
    metrics.login("wrong")
    metrics.sip_held(transactions=7, connections=2)
    metrics.calls_out(3)
    metrics.spool(size_bytes=4096, free_s=3600.0, failing=True, syncs=9)
    metrics.spool_unwritten(2)
    metrics.audio_backlog(waiting=3, broken=1)
    metrics.outbox("mail-notify", depth=4, oldest_s=12.5)
    metrics.outbox_given_up("mail-notify")
    metrics.settlement(stored=5, broken=1, failures=2)
    metrics.light_sent(0.02)
    metrics.mail(MailResult.SENT, 0.1)
    assert metrics.value("voicebox_messages_total", how="recovered") == 1
    assert metrics.value("voicebox_logins_total", result="wrong") == 1
    assert metrics.value("voicebox_sip_transactions") == 7
    assert metrics.value("voicebox_sip_connections") == 2
    assert metrics.value("voicebox_spool_bytes") == 4096
    assert metrics.value("voicebox_spool_free_seconds") == 3600
    assert metrics.value("voicebox_spool_failing") == 1
    assert metrics.value("voicebox_spool_syncs_total", result="ok") == 9
    assert metrics.value("voicebox_spool_unwritten_messages") == 2
    assert metrics.value("voicebox_audio_unsettled", state="waiting") == 3
    assert metrics.value("voicebox_audio_unsettled", state="broken") == 1
    assert metrics.value("voicebox_outbox_due", kind="mail-notify") == 4
    assert metrics.value("voicebox_outbox_oldest_seconds", kind="mail-notify") == 12.5
    assert metrics.value("voicebox_outbox_given_up_total", kind="mail-notify") == 1
    assert metrics.value("voicebox_settlements_total", result="stored") == 5
    assert metrics.value("voicebox_settlements_total", result="away") == 2
    assert metrics.value("voicebox_light_seconds_sum") == 0.02
    assert metrics.value("voicebox_calls_out") == 3
    assert metrics.value("voicebox_mail_deliveries_total", result="sent") == 1


def test_faults_are_there_at_nought_from_the_start() -> None:
    page = Metrics(process=False).render()
    assert b'voicebox_calls_ended_total{result="failed"} 0.0' in page
    assert b'voicebox_mail_deliveries_total{result="permanent"} 0.0' in page
    assert b'voicebox_logins_total{result="locked"} 0.0' in page


def test_page_is_prometheus_text_with_the_process_beside() -> None:
    families = {family.name for family in text_string_to_metric_families(Metrics().render().decode())}
    assert {"voicebox_calls", "process_resident_memory_bytes", "python_info"} <= families


def test_two_instances_do_not_share_figures() -> None:
    one, other = Metrics(process=False), Metrics(process=False)
    one.call_began()
    assert other.value("voicebox_calls") == 0
