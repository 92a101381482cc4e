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


def test_strangers_input_makes_no_new_series() -> None:
    metrics = Metrics(process=False)
    for n in range(100):
        metrics.sip_request("in", f"EVIL{n}")
        metrics.sip_response("in", 1000 + n)
    metrics.sip_request("in", "INVITE")
    metrics.sip_response("out", 486)
    assert metrics.value("voicebox_sip_requests_total", direction="in", method="other") == 100
    assert metrics.value("voicebox_sip_requests_total", direction="in", method="INVITE") == 1
    assert metrics.value("voicebox_sip_responses_total", direction="in", status_class="other") == 100
    assert metrics.value("voicebox_sip_responses_total", direction="out", status_class="4xx") == 1
    assert metrics.render().count(b"voicebox_sip_requests_total{") == 2


def test_each_event_moves_its_figure() -> None:
    metrics = Metrics(process=False)
    metrics.message_taken("recovered")
    metrics.login("wrong")
    metrics.sip_retransmission("out")
    metrics.sip_dropped("malformed")
    metrics.sip_transactions(7)
    metrics.spool_backlog(recordings=3, size_bytes=4096)
    metrics.spool_unwritten(2)
    metrics.spool_synced(0.003)
    metrics.outbox("mail-notify", depth=4, oldest_s=12.5)
    metrics.outbox_given_up("mail-notify")
    metrics.settled(0.2)
    metrics.settlement_failed("store")
    metrics.light_sent(0.02)
    metrics.mail(MailResult.SENT, 0.1)
    assert metrics.value("voicebox_messages_total", how="recovered") == 1
    assert metrics.value("voicebox_logins_total", result="wrong") == 1
    assert metrics.value("voicebox_sip_retransmissions_total", direction="out") == 1
    assert metrics.value("voicebox_sip_dropped_total", why="malformed") == 1
    assert metrics.value("voicebox_sip_transactions") == 7
    assert metrics.value("voicebox_spool_recordings") == 3
    assert metrics.value("voicebox_spool_bytes") == 4096
    assert metrics.value("voicebox_spool_unwritten_messages") == 2
    assert metrics.value("voicebox_spool_sync_seconds_count") == 1
    assert metrics.value("voicebox_outbox_due", kind="mail-notify") == 4
    assert metrics.value("voicebox_outbox_oldest_seconds", kind="mail-notify") == 12.5
    assert metrics.value("voicebox_outbox_given_up_total", kind="mail-notify") == 1
    assert metrics.value("voicebox_settlement_seconds_count") == 1
    assert metrics.value("voicebox_settlement_failures_total", why="store") == 1
    assert metrics.value("voicebox_light_seconds_sum") == 0.02
    assert metrics.value("voicebox_mail_deliveries_total", result="sent") == 1


def test_faults_are_there_at_nought_from_the_start() -> None:
    page = Metrics(process=False).render()
    assert b'voicebox_calls_ended_total{result="failed"} 0.0' in page
    assert b'voicebox_mail_deliveries_total{result="permanent"} 0.0' in page
    assert b'voicebox_settlement_failures_total{why="store"} 0.0' in page


def test_page_is_prometheus_text_with_the_process_beside() -> None:
    families = {family.name for family in text_string_to_metric_families(Metrics().render().decode())}
    assert {"voicebox_calls", "process_resident_memory_bytes", "python_info"} <= families


def test_two_instances_do_not_share_figures() -> None:
    one, other = Metrics(process=False), Metrics(process=False)
    one.call_began()
    assert other.value("voicebox_calls") == 0
