# SPDX-License-Identifier: Apache-2.0
"""The page behind a session's link, in a browser on a phone-sized screen: whole lives of sessions of both
families, every way they end, and what can go wrong on the way. The screenshots of every step are in the
test's own directory, or in BONAFIDE_SHOTS."""

import json
import os
import re
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from jwcrypto import jwe, jwk

from browser import SOURCE, Browser
from npm import names_no_host
from product import LONG, TOP, Stack, wait_for
from receiver import Receiver, signed_by

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
          "img-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
PAGE = TOP / "app/www/verify"
DONE = "https://shop.example/done"  # which the browser plays itself
DECLINED = "1000000000001"
WIDTHS = (320, 390, 1280)


# ---- stacks, the browser, sessions -------------------------------------------------------------------

@pytest.fixture(scope="module")
def stack():
    """Customers' addresses may be at loopback, where the tests' receiver is. The batch runs when a test
    says so."""
    with Stack("--set", "egress_allow=127.0.0.0/8", "--no-batch", web="nginx") as running:
        yield running


@pytest.fixture(scope="module", params=("nginx", "apache"))
def web(request, stack):
    if request.param == stack.web:
        yield stack
        return
    with Stack("--db-of", str(stack.dir), "--no-batch", web=request.param) as second:
        yield second


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    running = Browser(tmp_path_factory.mktemp("verify"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Where the pictures go; None: nobody wants any."""
    wanted = os.environ.get("BONAFIDE_SHOTS")
    if not wanted and not LONG:
        return None
    place = Path(wanted or tmp_path_factory.mktemp("shots"), "verify")
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture()
def receiver():
    with Receiver() as running:
        yield running


CLAIMS = {"family_name": {"required": True, "reason": "To know you"},
          "given_names": {"required": False, "reason": "To greet you"},
          "document_number": {"required": False, "reason": "For our records"}}


def make(stack, **body):
    """A session of the session family: (id, the link)."""
    got = stack.sandbox.post("/v1/sessions", {
        "share_fields": CLAIMS, "redirect_url": DONE + "?basket=7", **body})
    assert got.status_code == 200, got.text
    return got.json()["data"]["id"], got.json()["data"]["verification_url"]


def make_plain(stack, **body):
    client = stack.client(stack.env["BONAFIDE_SANDBOX_KEY"], "X-API-Key")
    got = client.post("/v1/sessions", {
        "firstName": "Amara", "lastName": "Diallo", "email": "amara@example.com",
        "phone": "+221771234567", "redirectUrl": DONE + "?basket=7",
        "sendEmailInvite": False, "sendPhoneInvite": False, **body})
    assert got.status_code == 200, got.text
    return got.json()["id"], got.json()["session_url"]


def raw_id(link):
    """The UUID inside the vs_ id of a link: 26 characters of Crockford's base32."""
    number = 0
    for letter in re.search("vs_(.{26})", link).group(1):
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return number.to_bytes(16, "big")


def expire(stack, link):
    """Its time was over a second ago."""
    stack.rows("UPDATE session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND, "
               "open_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE id = %s", raw_id(link))


# ---- what a person does ------------------------------------------------------------------------------

def on_document(tab, number="1234567890123"):
    tab.wait(selector="#screen.document")
    tab.choose(selector="#country", value="SN")
    tab.choose(selector="#id_type", value="national_id")
    tab.fill(selector="#id_number", text=number)
    tab.click(selector="#go")


def on_person(tab, **names):
    tab.wait(selector="#screen.person")
    for name, text in {"first_name": "Amara", "last_name": "Diallo", "birth_day": "15",
                       "birth_month": "5", "birth_year": "1990", **names}.items():
        tab.fill(selector="#" + name, text=text)
    tab.click(selector="#go")


def to_review(tab, number="1234567890123"):
    tab.wait(selector="#screen.consent")
    tab.click(selector="#go")
    on_document(tab, number)
    on_person(tab)
    tab.wait(selector="#screen.review")


def where(url):
    return dict(parse_qsl(urlsplit(url).query))


def check_clean(tab, stack, others=()):
    """Nothing went wrong, the policy stopped nothing, and no other host was asked for."""
    seen = tab.seen()
    assert seen["faults"] == [] and seen["violations"] == []
    assert [line for line in seen["console"] if line.split(":")[0] in ("error", "warning")] == []
    hosts = {urlsplit(request.split(" ")[1]).netloc for request in seen["requests"]}
    assert hosts <= {urlsplit(stack.url).netloc, *others}, hosts
    return seen


class Judge:
    """Looks at each step: no serious finding of axe, also where it is dark; nothing too wide for a small
    phone; and pictures of it, when they are wanted."""

    def __init__(self, tab, shots, name):
        self.tab, self.shots, self.name, self.steps = tab, shots, name, 0

    def look(self, step):
        self.steps += 1
        for scheme, rules in (("dark", ["color-contrast"]), ("light", None)):
            self.tab.scheme(scheme=scheme)
            found = [rule for rule in self.tab.judge(rules=rules)
                     if rule["impact"] in ("serious", "critical")]
            assert found == [], (step, scheme, found)
            for width in WIDTHS if self.shots else WIDTHS[:1]:
                self.tab.resize(width=width)
                assert self.tab.width() <= width, (step, width)
                if self.shots:
                    self.tab.shot(path=str(self.shots / f"{self.name}-{self.steps:02}-{step}-{width}-"
                                           f"{scheme}.png"))
        self.tab.resize(width=390)


def decided(stack, tab, text):
    """Sends what is on the screen, has it decided, and waits for what the person is told."""
    tab.click(selector="#go")
    tab.waitText(text="We are checking your details")
    stack.batch()
    tab.pass_(seconds=1)
    tab.waitText(text=text)


# ---- the page as it is served ------------------------------------------------------------------------

@pytest.mark.parametrize("path, kind, kept", (
    ("", "text/html; charset=utf-8", "no-store"), ("/", "text/html; charset=utf-8", "no-store"),
    ("/vs_01h455vb4pex5vsknk084sn02q", "text/html; charset=utf-8", "no-store"),
    ("/vs_x?cancel_token=a", "text/html; charset=utf-8", "no-store"),
    ("/verify.js", "text/javascript; charset=utf-8", "no-cache"),
    ("/verify.css", "text/css; charset=utf-8", "no-cache"), ("/favicon.svg", "image/svg+xml", "no-cache")))
def test_files(web, path, kind, kept):
    got = requests.get(web.url + "/verify" + path, timeout=10)
    wanted = {"Content-Type": kind, "Cache-Control": kept, "Content-Security-Policy": POLICY,
              "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
              "X-Frame-Options": "DENY"}
    assert got.status_code == 200
    assert {name: got.headers[name] for name in wanted} == wanted
    assert got.headers["X-Request-Id"].startswith("req_")
    assert got.headers["Permissions-Policy"].startswith("camera=()")
    assert kept == "no-store" or requests.get(got.url, timeout=10, headers={
        "If-Modified-Since": got.headers["Last-Modified"]}).status_code == 304


@pytest.mark.parametrize("method, path, status, code", (
    ("GET", "/verify/absent.js", 404, "NOT_FOUND"), ("GET", "/verifyx", 404, "NOT_FOUND"),
    ("GET", "/verify/../openapi.json", 404, "NOT_FOUND"),
    ("POST", "/verify/vs_x", 405, "METHOD_NOT_ALLOWED")))
def test_what_there_is_not(web, method, path, status, code):
    got = requests.request(method, web.url + path, timeout=10)
    assert (got.status_code, got.json()["error"]["code"]) == (status, code)
    assert got.headers["Cache-Control"] == "no-store"
    assert status != 405 or got.headers["Allow"].startswith("GET, HEAD")


def test_every_file_is_served_and_installed(web):
    """No file of the page is forgotten in Makefile.am, and each is named by another, or is the first."""
    makefile = (TOP / "Makefile.am").read_text()
    names = {path.name for path in PAGE.iterdir()}
    texts = "".join((PAGE / name).read_text() for name in names)
    for name in names:
        assert "app/www/verify/" + name in makefile, name
        assert name == "index.html" or "/" + name in texts, name
        assert requests.get(f"{web.url}/verify/{name}", timeout=10).text == (PAGE / name).read_text()


def test_both_languages_say_everything():
    """The same sentences, with the same gaps, in each."""
    texts = (PAGE / "texts.js").read_text()
    tables = [dict(re.findall(r"\b(\w+): '([^']*)'", part.split("\n};")[0]))
              for part in texts.split("const en = {")[1].split("const fr = {")]
    english, french = tables
    assert len(english) > 100 and english.keys() == french.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", french[key])), key
        assert french[key].strip(), key
    used = set(re.findall(r"\bt\(\s*'(\w+)'", "".join(
        (PAGE / name).read_text() for name in ("screens.js", "form.js", "verify.js", "facts.js"))))
    assert used <= english.keys(), used - english.keys()


def test_lock_file_names_no_host():
    assert names_no_host(SOURCE, "playwright-core") and names_no_host(SOURCE, "axe-core")


# ---- whole lives -------------------------------------------------------------------------------------

def test_session_family_with_the_keyboard_alone(stack, browser, receiver, shots):
    """From the link to the way back, and the webhook that only its receiver can read."""
    key = jwk.JWK.generate(kty="RSA", size=2048)
    hook = stack.sandbox.post("/v1/webhooks/endpoints", {"url": receiver.url("/hook")}).json()["data"]
    public = json.loads(key.export_public())
    added = stack.sandbox.post(f"/v1/webhooks/endpoints/{hook['endpoint']['id']}/keys", {
        "key_id": "test", "algorithm": "RSA-OAEP-256", "key_type": "RSA",
        "jwk": {name: public[name] for name in ("kty", "n", "e")}})
    assert added.status_code == 200, added.text
    session, link = make(stack)
    tab = browser.tab()
    judge = Judge(tab, shots, "session")

    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    # The right to cancel is kept, and not left in the address bar.
    assert "cancel_token=" in link and "cancel_token" not in tab.url()
    assert tab.focus() == "H1"
    assert tab.text(selector="#live") == "Step 1 of 4: What it is about"
    judge.look("consent")
    tab.tabTo(selector="[value=given_names]")
    tab.press(key="Space")
    tab.tabTo(selector="#go")
    tab.press(key="Enter")

    tab.wait(selector="#screen.document")
    assert tab.focus() == "H1" and tab.text(selector="#live") == "Step 2 of 4: Document"
    tab.tabTo(selector="#go")
    tab.press(key="Enter")
    tab.wait(selector="#summary")
    assert tab.focus() == "summary"
    assert tab.texts(selector="#summary li") == [
        "Choose the country that issued the document", "Choose the kind of document",
        "Enter the number on the document"]
    judge.look("document-wrong")
    tab.tabTo(selector="#summary a")
    tab.press(key="Enter")
    assert tab.focus() == "country"
    tab.type(text="Sen")
    tab.tabTo(selector="#id_type")
    tab.type(text="National")
    tab.tabTo(selector="#id_number")
    assert tab.text(selector="#id_number-hint") == \
        "It has 13 to 14 digits. Spaces and hyphens do not matter."
    tab.type(text="1234 5678-90123")
    judge.look("document")
    tab.press(key="Enter")

    tab.wait(selector="#screen.person")
    for name, text in (("first_name", "Amara"), ("last_name", "Diallo"), ("birth_day", "31"),
                       ("birth_month", "2"), ("birth_year", "1990")):
        tab.tabTo(selector="#" + name)
        tab.type(text=text)
    tab.press(key="Enter")
    tab.wait(selector="#summary")
    assert tab.texts(selector="#summary li") == [
        "Enter a date of birth that exists, with a year of four digits"]
    assert tab.attribute(selector="#birth_day", name="aria-invalid") == "true"
    judge.look("person-wrong")
    for name, text in (("birth_day", "15"), ("birth_month", "5")):
        tab.tabTo(selector="#" + name)
        tab.press(key="Control+a")
        tab.type(text=text)
    judge.look("person")
    tab.press(key="Enter")

    tab.wait(selector="#screen.review")
    assert tab.texts(selector="dd") == ["Senegal", "National identity card", "1234 5678-90123", "Amara",
                                        "Not given", "Diallo", "May 15, 1990"]
    judge.look("review")
    tab.tabTo(selector="#go")
    tab.press(key="Enter")
    tab.waitText(text="We are checking your details")
    stored = tab.stored()
    assert "Diallo" not in stored and "1234 5678" not in stored
    judge.look("checking")
    stack.batch()
    tab.pass_(seconds=1)
    tab.waitText(text="Thank you, you are verified")
    judge.look("done")
    tab.pass_(seconds=6)
    assert where(tab.waitUrl(start=DONE)) == {"basket": "7", "session_id": session}
    check_clean(tab, stack, ["shop.example"])

    stack.batch()
    request = wait_for(lambda: receiver.of("/hook"), 20)[0]
    assert request.headers["content-type"] == "application/jose"
    assert signed_by(hook["signing_secret"], request)
    token = jwe.JWE()
    token.deserialize(request.body.decode(), key=key)
    told = json.loads(token.payload)
    assert told["type"] == "verification.attempt.succeeded"
    assert told["metadata"]["verification_session_id"] == session
    claims = told["data"]["claims"]
    assert (claims["family_name"], claims["given_names"]) == ("DIALLO", "AMARA")
    assert claims["document_number"] is None
    assert told["data"]["selected_field_keys"] == ["family_name", "given_names", "kayle_document_id"]
    assert stack.sandbox.get("/v1/sessions/" + session).json()["data"]["status"] == "completed"


def test_plain_family(stack, browser, receiver, shots):
    made = stack.sandbox.post("/v1/webhooks", {
        "url": receiver.url("/hook"), "events": ["session.status.submitted", "session.status.verified"]})
    assert made.status_code == 201, made.text
    uuid, link = make_plain(stack)
    tab = browser.tab(colorScheme="dark")
    judge = Judge(tab, shots, "plain")

    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    assert tab.count(selector=".claims, [name=claim]") == 0
    judge.look("welcome")
    tab.click(selector="#go")
    on_document(tab)
    tab.wait(selector="#screen.person")
    # What the business knows is there already.
    assert (tab.value(selector="#first_name"), tab.value(selector="#last_name")) == ("Amara", "Diallo")
    on_person(tab)
    tab.wait(selector="#screen.review")
    # A double click is one attempt.
    tab.twice(selector="#go")
    tab.waitText(text="We are checking your details")
    stack.batch()
    tab.pass_(seconds=1)
    tab.waitText(text="Thank you, you are verified")
    tab.click(selector="#go")
    assert where(tab.waitUrl(start=DONE)) == {
        "basket": "7", "session_id": uuid, "status": "success"}
    check_clean(tab, stack, ["shop.example"])
    assert stack.rows("SELECT COUNT(*) FROM session_attempt WHERE session_id = %s", raw_id(link)) \
        == ((1,),)
    stack.batch()
    told = wait_for(lambda: len(receiver.of("/hook")) == 2 and receiver.of("/hook"), 20)
    assert {request.event["type"]: request.event["data"]["status"] for request in told} == {
        "session.status.submitted": "SUBMITTED", "session.status.verified": "VERIFIED"}
    assert {request.event["data"]["id"] for request in told} == {uuid}


# ---- how it can end ----------------------------------------------------------------------------------

def test_three_failures(stack, browser, shots):
    uuid, link = make_plain(stack)
    tab = browser.tab()
    judge = Judge(tab, shots, "failures")
    tab.goto(url=link)
    to_review(tab, DECLINED)
    for left in ("You can try 2 more times.", "You can try one more time."):
        decided(stack, tab, left)
        judge.look("failed")
        # A reload shows the same, and takes up the next attempt.
        tab.reload()
        tab.waitText(text=left)
        tab.click(selector="#go")
        on_document(tab, DECLINED)
        on_person(tab)
        tab.wait(selector="#screen.review")
    decided(stack, tab, "We could not verify you")
    judge.look("rejected")
    tab.click(selector="#go")
    assert where(tab.waitUrl(start=DONE)) == {
        "basket": "7", "session_id": uuid, "status": "failed", "reason": "document_unreadable"}


def test_after_a_failure_the_answers_are_still_there(stack, browser):
    _, link = make_plain(stack)
    tab = browser.tab()
    tab.goto(url=link)
    to_review(tab, DECLINED)
    decided(stack, tab, "You can try 2 more times.")
    tab.click(selector="#go")
    tab.wait(selector="#screen.document")
    assert tab.value(selector="#id_number") == DECLINED
    tab.fill(selector="#id_number", text="1234567890123")
    tab.click(selector="#go")
    tab.wait(selector="#screen.person")
    assert tab.value(selector="#birth_year") == "1990"
    tab.click(selector="#go")
    tab.wait(selector="#screen.review")
    decided(stack, tab, "Thank you, you are verified")


def test_cancelled(stack, browser, shots):
    session, link = make(stack)
    tab = browser.tab()
    judge = Judge(tab, shots, "cancelled")
    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    tab.tabTo(selector="footer button")
    tab.press(key="Enter")
    tab.wait(selector="dialog[open]")
    judge.look("sure")
    tab.press(key="Escape")
    tab.gone(selector="dialog")
    assert stack.sandbox.get("/v1/sessions/" + session).json()["data"]["status"] == "created"
    tab.click(selector="footer button")
    tab.click(selector="dialog .danger")
    tab.waitText(text="The verification was cancelled")
    judge.look("cancelled")
    # Who does not want to be taken away stays.
    tab.click(selector=".onward .plain")
    assert tab.count(selector="#countdown") == 0
    tab.click(selector="#go")
    assert where(tab.waitUrl(start=DONE)) == {"basket": "7", "session_id": session}
    assert stack.sandbox.get("/v1/sessions/" + session).json()["data"]["status"] == "cancelled"


def test_expires_while_it_is_open(stack, browser, shots):
    uuid, link = make_plain(stack)
    tab = browser.tab()
    judge = Judge(tab, shots, "expired")
    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    expire(stack, link)
    tab.skip(seconds=169 * 3600)
    tab.waitText(text="This link is no longer valid")
    judge.look("expired")
    tab.click(selector="#go")
    assert where(tab.waitUrl(start=DONE)) == {
        "basket": "7", "session_id": uuid, "status": "abandoned", "reason": "session_expired"}


def test_expired_when_the_phone_is_taken_up_again(stack, browser):
    _, link = make_plain(stack)
    tab = browser.tab()
    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    tab.comeBack()
    tab.click(selector="#go")
    on_document(tab)
    expire(stack, link)
    tab.comeBack()
    tab.waitText(text="This link is no longer valid")


def test_expires_before_it_is_sent(stack, browser):
    _, link = make_plain(stack)
    tab = browser.tab()
    tab.goto(url=link)
    to_review(tab)
    expire(stack, link)
    tab.click(selector="#go")
    tab.waitText(text="This link is no longer valid")
    # What was typed is of no use any more.
    assert "Diallo" not in tab.stored()


def test_link_that_is_over_only_shows_the_way(stack, browser, shots):
    """Who opens an old link is not told how it ended, nor taken away."""
    _, link = make_plain(stack)
    tab = browser.tab()
    tab.goto(url=link)
    to_review(tab)
    decided(stack, tab, "Thank you, you are verified")
    late = browser.tab()
    late.goto(url=link)
    late.waitText(text="This verification is finished")
    Judge(late, shots, "over").look("finished")
    assert late.text(selector=".onward").strip() == "Go back to Example Ltd"
    assert late.attribute(selector="#go", name="href").startswith(DONE)


@pytest.mark.parametrize("path", ("", "/", "/vs_x", "/vs_01h455vb4pex5vsknk084sn02q"))
def test_link_that_is_none(stack, browser, shots, path):
    tab = browser.tab()
    tab.goto(url=stack.url + "/verify" + path)
    tab.waitText(text="This link does not work")
    assert tab.count(selector="footer button") == 0
    if path == "/vs_x":
        Judge(tab, shots, "none").look("none")


# ---- on the way --------------------------------------------------------------------------------------

def test_reload_loses_nothing(stack, browser):
    _, link = make(stack)
    tab = browser.tab()
    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    tab.click(selector="[value=document_number]")
    tab.click(selector="#go")
    on_document(tab)
    tab.wait(selector="#screen.person")
    tab.fill(selector="#first_name", text="Aminata")
    tab.reload()
    tab.wait(selector="#screen.person")
    assert tab.value(selector="#first_name") == "Aminata"
    on_person(tab, first_name="Aminata")
    tab.wait(selector="#screen.review")
    tab.reload()
    tab.wait(selector="#screen.review")
    assert "Aminata" in tab.texts(selector="dd")
    assert "Number of the document" in tab.texts(selector=".plain-list li")
    # The browser's own way back is a step back.
    tab.back()
    tab.wait(selector="#screen.person")


def test_in_french_by_the_session_and_by_the_switch(stack, browser, shots):
    _, link = make_plain(stack)
    stack.rows("UPDATE session SET language = 'fr' WHERE id = %s", raw_id(link))
    tab = browser.tab(locale="en")
    judge = Judge(tab, shots, "french")
    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    assert tab.language() == "fr"
    assert "vous demande de vérifier votre identité" in tab.text(selector="h1")
    tab.click(selector="#go")
    tab.wait(selector="#screen.document")
    tab.click(selector="#go")
    tab.wait(selector="#summary")
    judge.look("document")
    tab.click(selector="#languages [lang=en]")
    assert tab.texts(selector="#summary li")[0] == "Choose the country that issued the document"
    assert (tab.language(), tab.text(selector="h1")) == ("en", "Your identity document")
    # The choice is remembered.
    tab.reload()
    tab.wait(selector="#screen.document")
    assert tab.language() == "en"
    german = browser.tab(locale="de")
    german.goto(url=stack.url + "/verify/none")
    german.waitText(text="This link does not work")
    french = browser.tab(locale="fr-SN")
    french.goto(url=stack.url + "/verify/none")
    french.waitText(text="Ce lien ne fonctionne pas")


def test_opened_elsewhere(stack, browser, shots):
    _, link = make_plain(stack)
    first, second = browser.tab(), browser.tab()
    first.goto(url=link)
    to_review(first)
    second.goto(url=link)
    second.wait(selector="#screen.consent")
    first.click(selector="#go")
    first.waitText(text="You went on somewhere else")
    Judge(first, shots, "elsewhere").look("elsewhere")
    assert first.count(selector="footer button") == 0
    first.click(selector="#go")
    # What was typed here is here.
    first.wait(selector="#screen.review")
    decided(stack, first, "Thank you, you are verified")
    second.click(selector="#go")
    on_document(second)
    on_person(second)
    second.wait(selector="#screen.review")
    second.click(selector="#go")
    second.waitText(text="You went on somewhere else")


def test_without_a_network(stack, browser, shots):
    _, link = make_plain(stack)
    tab = browser.tab()
    tab.goto(url=link)
    to_review(tab)
    tab.offline(on=True)
    tab.click(selector="#go")
    tab.waitText(text="You are offline.")
    Judge(tab, shots, "offline").look("offline")
    tab.offline(on=False)
    tab.waitText(text="We are checking your details")
    stack.batch()
    tab.waitText(text="Thank you, you are verified")
    assert stack.rows("SELECT COUNT(*) FROM session_attempt WHERE session_id = %s", raw_id(link)) \
        == ((1,),)


def test_a_lost_answer_is_asked_for_again(stack, browser):
    """The second time it is the same attempt, also when the first one was decided meanwhile."""
    _, link = make_plain(stack)
    tab = browser.tab()
    tab.goto(url=link)
    to_review(tab, DECLINED)
    tab.loseAnswer(address="**/submit")
    tab.click(selector="#go")
    tab.waitText(text="We cannot reach the server.")
    stack.batch()
    tab.click(selector=".notice button")
    tab.waitText(text="You can try 2 more times.")
    assert stack.rows("SELECT attempt_count, failed_count FROM session WHERE id = %s", raw_id(link)) \
        == ((1, 1),)


def test_the_server_has_the_last_word(stack, browser, shots):
    """A day that the browser lets pass: it counts in years, the server in days."""
    _, link = make_plain(stack)
    tab = browser.tab()
    tab.goto(url=link)
    tab.wait(selector="#screen.consent")
    tab.click(selector="#go")
    on_document(tab)
    on_person(tab, birth_day="1", birth_month="1", birth_year=str(time.gmtime().tm_year - 130))
    tab.wait(selector="#screen.review")
    tab.click(selector="#go")
    tab.waitText(text="Please check this: Date of birth")
    assert tab.focus() == "summary"
    Judge(tab, shots, "refused").look("refused")
    tab.click(selector="#summary a")
    assert tab.focus() == "birth_day"
    on_person(tab)
    tab.wait(selector="#screen.review")
    decided(stack, tab, "Thank you, you are verified")
