"""The list of routes. What is not in it does not exist; tests hold router, OpenAPI page and docs equal to it."""

from typing import Final

from webmanager.api.announcement_add import NewAnnouncementQuery, add_announcement
from webmanager.api.announcement_audio import AnnouncementAudioQuery, show_announcement_audio
from webmanager.api.announcement_remove import RemovalQuery, remove_announcement
from webmanager.api.announcements_list import list_announcements
from webmanager.api.call_show import show_call
from webmanager.api.calls_list import CallsQuery, list_calls
from webmanager.api.figures import figures
from webmanager.api.greeting_shapes import AnnouncementOut, AnnouncementsOut, GreetingsOut
from webmanager.api.greetings_show import show_greetings
from webmanager.api.health import health
from webmanager.api.lists_list import list_lists
from webmanager.api.mailbox_change import MailboxIn, change_mailbox
from webmanager.api.mailbox_show import show_mailbox
from webmanager.api.mailboxes_list import MailboxesQuery, list_mailboxes
from webmanager.api.message_audio import AudioQuery, show_audio
from webmanager.api.message_forward import ForwardIn, forward_message
from webmanager.api.message_show import show_message
from webmanager.api.messages_list import MessagesQuery, list_messages
from webmanager.api.querying import AnyQuery, CompanyQuery
from webmanager.api.ready import ready
from webmanager.api.route import Files, Route, Upload, route
from webmanager.api.sending_recall import recall_sending
from webmanager.api.sending_shapes import ListsOut, RecalledOut, SendingsOut, SentOut
from webmanager.api.sendings_list import list_sendings
from webmanager.api.shapes import (
    CallDetailOut,
    CallsOut,
    HealthOut,
    MailboxDetailOut,
    MailboxesOut,
    MessageDetailOut,
    MessagesOut,
    ReadyOut,
)
from webmanager.api.spec_show import show_spec
from webmanager.guard import Access

ROUTES: Final[tuple[Route, ...]] = (
    route(
        "GET",
        "/healthz",
        health,
        query=AnyQuery,
        returns=HealthOut,
        summary="Is the process alive?",
        tag="operation",
        access=Access.PUBLIC,
    ),
    route(
        "GET",
        "/readyz",
        ready,
        query=AnyQuery,
        returns=ReadyOut,
        summary="Are calls taken and messages kept?",
        tag="operation",
        access=Access.PUBLIC,
        refusals=(503,),
    ),
    route(
        "GET",
        "/metrics",
        figures,
        query=AnyQuery,
        returns=Files(("text/plain",), "Figures in Prometheus's text format."),
        summary="The process's figures",
        tag="operation",
        access=Access.ADMIN_OR_LOCAL,
        refusals=(403, 503),
    ),
    route(
        "GET",
        "/api/openapi.json",
        show_spec,
        query=AnyQuery,
        returns=Files(("application/json",), "This page."),
        summary="The description of this API",
        tag="operation",
        access=Access.PUBLIC,
    ),
    route(
        "GET",
        "/api/v1/mailboxes",
        list_mailboxes,
        query=MailboxesQuery,
        returns=MailboxesOut,
        summary="Mailboxes by number",
        refusals=(403, 503),
    ),
    route(
        "GET",
        "/api/v1/mailboxes/{number}",
        show_mailbox,
        query=CompanyQuery,
        returns=MailboxDetailOut,
        summary="A mailbox with its settings and counts",
        refusals=(403, 404, 503),
    ),
    route(
        "PATCH",
        "/api/v1/mailboxes/{number}",
        change_mailbox,
        query=CompanyQuery,
        body=MailboxIn,
        returns=MailboxDetailOut,
        summary="Set a mailbox's e-mail addresses; each is asked before anything goes there",
        refusals=(403, 404, 503),
    ),
    route(
        "GET",
        "/api/v1/mailboxes/{number}/messages",
        list_messages,
        query=MessagesQuery,
        returns=MessagesOut,
        summary="A folder's messages, the newest first",
        refusals=(403, 404, 503),
    ),
    route(
        "GET",
        "/api/v1/mailboxes/{number}/greetings",
        show_greetings,
        query=CompanyQuery,
        returns=GreetingsOut,
        summary="What callers of a mailbox hear, and what there is to choose",
        refusals=(403, 404, 503),
    ),
    route(
        "GET",
        "/api/v1/announcements",
        list_announcements,
        query=CompanyQuery,
        returns=AnnouncementsOut,
        summary="Announcements by name: the company's and the mailboxes' own",
        refusals=(403, 503),
    ),
    route(
        "POST",
        "/api/v1/announcements",
        add_announcement,
        query=NewAnnouncementQuery,
        file=Upload(
            ("application/octet-stream", "audio/*"),
            "The recording: WAV, FLAC, MP3, Ogg, M4A or WebM, up to 10 MB and 180 s.",
        ),
        returns=AnnouncementOut,
        summary="Add an announcement, the company's or a mailbox's own",
        refusals=(403, 404, 409, 503),
    ),
    route(
        "DELETE",
        "/api/v1/announcements/{announcement}",
        remove_announcement,
        query=RemovalQuery,
        returns=None,
        summary="Delete an announcement that nobody uses, or have its users play the default greeting",
        refusals=(403, 404, 409, 503),
    ),
    route(
        "GET",
        "/api/v1/announcements/{announcement}/audio",
        show_announcement_audio,
        query=AnnouncementAudioQuery,
        returns=Files(("audio/wav", "audio/mpeg"), "The announcement; a part of it as 206 where Range asks for one."),
        summary="An announcement as callers hear it",
        refusals=(403, 404, 416, 503),
    ),
    route(
        "GET",
        "/api/v1/mailboxes/{number}/lists",
        list_lists,
        query=CompanyQuery,
        returns=ListsOut,
        summary="The distribution lists a mailbox can send to",
        refusals=(403, 404, 503),
    ),
    route(
        "GET",
        "/api/v1/mailboxes/{number}/sendings",
        list_sendings,
        query=CompanyQuery,
        returns=SendingsOut,
        summary="What a mailbox's owner sent to others, with a result for each recipient",
        refusals=(403, 404, 503),
    ),
    route(
        "POST",
        "/api/v1/mailboxes/{number}/sendings/{id}/recall",
        recall_sending,
        query=CompanyQuery,
        returns=RecalledOut,
        summary="Take back the copies that nobody has heard, claimed or handled yet",
        success=200,
        refusals=(403, 404, 503),
    ),
    route(
        "GET",
        "/api/v1/messages/{id}",
        show_message,
        query=CompanyQuery,
        returns=MessageDetailOut,
        summary="A message",
        refusals=(403, 404, 503),
    ),
    route(
        "GET",
        "/api/v1/messages/{id}/audio",
        show_audio,
        query=AudioQuery,
        returns=Files(("audio/wav", "audio/mpeg"), "The recording; a part of it as 206 where Range asks for one."),
        summary="A message's audio",
        refusals=(403, 404, 416, 503),
    ),
    route(
        "POST",
        "/api/v1/messages/{id}/forward",
        forward_message,
        query=CompanyQuery,
        body=ForwardIn,
        returns=SentOut,
        summary="Forward a message to people and lists",
        refusals=(403, 404, 503),
    ),
    route(
        "GET",
        "/api/v1/calls",
        list_calls,
        query=CallsQuery,
        returns=CallsOut,
        summary="Calls, the last to end first",
        refusals=(403, 503),
    ),
    route(
        "GET",
        "/api/v1/calls/{id}",
        show_call,
        query=CompanyQuery,
        returns=CallDetailOut,
        summary="A call with its trace and media figures",
        refusals=(403, 404, 503),
    ),
)
