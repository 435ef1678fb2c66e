"""Who is let in."""

from base64 import b64encode

import bcrypt
import pytest
from web_client import request

from driftd.web.guard import REMEMBERED, Credentials, Guard
from driftd.web.head import parse_head
from driftd.web.protection import Protection
from driftd.web.response import Response
from driftd.web.router import Access

TOKEN = b"correct-horse-battery"
USERS = {
    b"scraper": bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)),
    "jürgen".encode(): bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(5)),
}
LOCKED = Protection(users=USERS, token=TOKEN)


def basic(user: str, password: str) -> str:
    """Return the value of an Authorization header."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def judged(guard: Guard, access: Access, authorization: str | None = None) -> int | str:
    """Return what becomes of a request: its status where it is refused, else ``in``."""
    sent = {} if authorization is None else {"Authorization": authorization}
    verdict = guard.judge(parse_head(request("/metrics", **sent)), access)
    if isinstance(verdict, Credentials):
        verdict = guard.admitted(access) if guard.check(verdict) else guard.unheard(access)
    return "in" if verdict is None else verdict.status.value


def test_without_users_everybody_reads() -> None:
    """Where the web configuration names nobody, nobody is asked."""
    assert judged(Guard(Protection()), Access.READER) == "in"


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (basic("scraper", "s3cret"), "in"),
        (basic("scraper", "s3cret").replace("Basic", "bAsIc"), "in"),
        (basic("jürgen", "x" * 72), "in"),
        (basic("jürgen", "x" * 99), "in"),  # bcrypt looks at 72 bytes, in every implementation
        (basic("jürgen", "x" * 71), 401),
        (basic("scraper", "S3cret"), 401),
        (basic("scraper", ""), 401),
        (basic("scraper", "s3cret\0"), 401),
        (basic("nobody", "s3cret"), 401),
        (basic("", ""), 401),
        (None, 401),
        ("", 401),
        ("Basic", 401),
        ("Basic !!!", 401),
        ("Basic \xff", 401),
        ("Basic " + b64encode(b"no colon").decode(), 401),
        ("Digest username=scraper", 401),
        ("Bearer " + TOKEN.decode(), 401),  # changes something; reading needs a user
    ],
)
def test_readers_need_a_name_and_a_password(authorization: str | None, expected: int | str) -> None:
    """Only a known name with its own password is let in; what cannot be read is nobody."""
    assert expected == judged(Guard(LOCKED), Access.READER, authorization)


def test_the_refusal_says_how_to_log_in() -> None:
    """Browsers and clients ask for a password on a challenge."""
    refused = Guard(LOCKED).judge(parse_head(request("/metrics")), Access.READER)
    assert isinstance(refused, Response)
    assert refused.headers == {"WWW-Authenticate": 'Basic realm="driftd", charset="UTF-8"'}


def test_probes_ask_nobody() -> None:
    """A kubelet has no password."""
    assert judged(Guard(LOCKED), Access.ANYBODY) == "in"


@pytest.mark.parametrize(
    ("protection", "authorization", "expected"),
    [
        (LOCKED, "Bearer " + TOKEN.decode(), "in"),
        (LOCKED, "bearer  " + TOKEN.decode(), "in"),
        (LOCKED, "Bearer " + TOKEN.decode() + "x", 401),
        (LOCKED, "Bearer", 401),
        (LOCKED, "Bearer \xff", 401),
        (LOCKED, basic("scraper", "s3cret"), 401),
        (LOCKED, None, 401),
        (Protection(token=TOKEN), "Bearer " + TOKEN.decode(), "in"),
        (Protection(token=TOKEN), "Bearer wrong-horse-battery", 401),
        (Protection(token=TOKEN), None, 401),
        (Protection(), None, 403),
        (Protection(), "Bearer " + TOKEN.decode(), 403),
        (Protection(users=USERS), basic("scraper", "s3cret"), 403),
        (Protection(users=USERS), None, 401),
    ],
)
def test_changes_need_the_token(protection: Protection, authorization: str | None, expected: int | str) -> None:
    """The token alone is enough, nothing else is, and where there is none a reader is told what switches it on."""
    assert expected == judged(Guard(protection), Access.ADMIN, authorization)


def test_without_a_token_the_refusal_names_the_setting() -> None:
    """403 says which setting switches it on."""
    refused = Guard(Protection()).judge(parse_head(request("/-/reload", "POST")), Access.ADMIN)
    assert isinstance(refused, Response)
    assert b"http.admin_token_file" in refused.body


def rounds_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """Return a list that every further round of bcrypt is noted in: the password and the hash."""
    rounds: list[tuple[bytes, bytes]] = []
    real = bcrypt.checkpw

    def checkpw(password: bytes, known: bytes) -> bool:
        rounds.append((password, known))
        return real(password, known)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return rounds


def test_what_was_found_right_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second request with the same credentials costs no round of bcrypt; a wrong one always does."""
    rounds = rounds_of(monkeypatch)
    guard = Guard(LOCKED)
    for password in ("s3cret", "s3cret", "wrong", "wrong", "s3cret"):
        judged(guard, Access.READER, basic("scraper", password))
    assert [password for password, _ in rounds] == [b"s3cret", b"wrong", b"wrong"]


def test_an_unknown_name_costs_as_much_as_the_dearest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody has is checked against a hash of the highest cost among the known ones."""
    rounds = rounds_of(monkeypatch)
    assert judged(Guard(LOCKED), Access.READER, basic("nobody", "s3cret")) == 401
    assert [known[:7] for _, known in rounds] == [b"$2b$05$"]


def test_what_is_remembered_is_bounded_and_holds_no_password() -> None:
    """The oldest is forgotten, and neither names nor passwords are kept."""
    users = {b"u%d" % n: USERS[b"scraper"] for n in range(REMEMBERED + 2)}
    guard = Guard(Protection(users=users))
    for name in users:
        assert judged(guard, Access.READER, basic(name.decode(), "s3cret")) == "in"
    assert len(guard._right) == REMEMBERED
    assert {len(kept) for kept in guard._right} == {32}


def test_one_name_and_password_are_not_taken_for_another() -> None:
    """Where the name ends and the password begins is part of what is remembered."""
    guard = Guard(Protection(users={b"ab": USERS[b"scraper"], b"a": bcrypt.hashpw(b"x", bcrypt.gensalt(4))}))
    assert judged(guard, Access.READER, basic("ab", "s3cret")) == "in"
    assert judged(guard, Access.READER, basic("a", "bs3cret")) == 401


def test_nothing_secret_is_in_a_repr() -> None:
    """Neither the protection nor credentials show what they hold."""
    shown = repr(LOCKED) + repr(Credentials(b"scraper", b"s3cret"))
    assert [secret for secret in ("s3cret", "$2b$", TOKEN.decode()) if secret in shown] == []
