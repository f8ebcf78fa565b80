# SPDX-License-Identifier: Apache-2.0
"""An age check from one end to the other: the page of the README around it, in a browser with a camera that
plays; the real pool, database and batch; an estimator, the provider's simulator and a reviewer. The shop's
server asks with the secret key how it ends, as often as its page asks it."""

import http.server
import os
import re
import threading

import pytest

from browser import Browser, Frame
from embed import LEVELS, LISTEN, PERSON, Check, Judge, Site, make_keys
from product import LONG, TOP, Stack, is_id, is_time, wait_for

# Whom the provider's simulator finds, and whose birthday is this.
FOUND = {"country": "NG", "type": "nin", "number": "00000000000", "first": "Joe", "last": "Leo",
         "birth": ("20", "9", "2000")}
# A country that the catalogue does not have.
ABROAD = {**PERSON, "country": "FR", "type": "passport", "number": "12 AB-34567"}
MEDIA = ("SELECT m.media_type FROM media m JOIN age_verification a ON a.id = m.owner_id "
         "WHERE a.external_id = %s ORDER BY m.id")
long = pytest.mark.skipif(not LONG, reason="a neighbour's case; with BONAFIDE_LONG=1")


class Estimator(http.server.BaseHTTPRequestHandler):
    """Finds everybody thirty years old."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        text = b'{"age":30.4,"samples":5}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def stack():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Estimator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Stack("--set", f"age_estimator_url=http://127.0.0.1:{server.server_address[1]}/",
                   web="nginx") as running:
            yield running
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    running = Browser(tmp_path_factory.mktemp("embed"), camera=True)
    yield running
    running.close()


@pytest.fixture(scope="module")
def shop():
    with Site() as site:
        yield site


@pytest.fixture(scope="module")
def keys(stack, shop):
    return make_keys(stack, [shop.url + "/own"])


@pytest.fixture(scope="module")
def shots():
    wanted = os.environ.get("BONAFIDE_SHOTS")
    if not wanted:
        return None
    place = TOP.joinpath(wanted, "embed")
    place.mkdir(parents=True, exist_ok=True)
    return place


def own_page(stack, keys, person, level):
    """The README's page, of this shop."""
    section = (TOP / "README.md").read_text().split("## An age check in your page")[1]
    lines = re.search(r"(?:^ {4}.*\n|^\n)+(?=\*\*On your server)", section, re.M).group()
    page = re.sub("^ {4}", "", lines, flags=re.M)
    for old, new in (("https://kyc.example.org", stack.url), ("pk_verify_…", keys["publishable"]),
                     ("user_abc123", person), ("level=full_age", f"level={level}&amp;lang=en"),
                     ('<iframe id="age"', '<iframe id="age" name="embed"')):
        assert old in page, old
        page = page.replace(old, new)
    return ('<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>'
            f'<meta name="viewport" content="width=device-width">{LISTEN}{page}')


class Visit(Check):
    """Somebody on the shop's own page."""

    def __init__(self, stack, browser, shop, keys, person, level):
        self.stack, self.shop, self.person = stack, shop, person
        shop.page = own_page(stack, keys, person, level)
        shop.ask = {"url": f"{stack.url}/v1/verify/{person}/status", "headers": {"X-API-Key": keys["secret"]}}
        shop.told.clear()
        self.tab = browser.tab()
        self.tab.goto(url=shop.url + "/own")
        self.frame = Frame(self.tab, "embed")

    def asks_again(self, seconds=5):
        """So much later the page has asked once more."""
        count = len(self.shop.told)
        self.tab.skip(seconds=seconds)
        wait_for(lambda: len(self.shop.told) > count, 5, 0.02)
        assert len(self.shop.told) == count + 1

    def is_told(self, status):
        """The shop's page, by its own server."""
        wait_for(lambda: self.asks_again() or self.shop.told[-1]["data"]["status"] == status, 20)
        self.tab.waitText(text=status)
        return self.shop.told[-1]["data"]


def check_status(data, person, level, status, **more):
    """The seed's ten members, in its order."""
    wanted = {"externalId": person, "status": status, "level": level, "isVerified": status == "approved",
              "verifiedDob": None, "estimatedAge": None, "documentCountry": None, "expiresAt": data["expiresAt"],
              "createdAt": data["createdAt"], "updatedAt": data["updatedAt"], **more}
    assert data == wanted and list(data) == list(wanted)
    assert is_time(data["createdAt"]) and is_time(data["updatedAt"])


def submitted(visit, level, judge=None, person=None):
    """All of it, and what the page around was told: exactly that."""
    visit.frame.wait(selector="#screen.consent")
    if judge:
        judge.look("consent")
    # Without consent there is no check, and nothing has begun.
    visit.frame.click(selector="#go")
    visit.frame.wait(selector="#summary")
    assert visit.told("ae:started") == []
    visit.on_consent()
    if level != "age_only":
        visit.on_document(person, judge=judge)
    for step in LEVELS[level]:
        if step == "idBack" and person and person["type"] == "passport":
            continue
        visit.takes(step, judge if step in ("selfie", "video") else None)
    visit.frame.wait(selector="#screen.review")
    if judge:
        judge.look("review")
    assert visit.stack.rows(MEDIA, visit.person) == () and visit.told("ae:complete") == []
    # A double click is one submission.
    visit.frame.twice(selector="#go")
    complete, = visit.waits_for("ae:complete")
    visit.frame.waitText(text="Thank you, everything has arrived")
    if judge:
        judge.look("arrived")
    assert is_id("ver", complete["verificationId"])
    assert visit.tab.messages() == [{"origin": visit.stack.url, "type": kind, "data": data} for kind, data in (
        ("ae:ready", {}), ("ae:started", {"level": level}),
        ("ae:complete", {"verificationId": complete["verificationId"], "status": "pending"}))]
    visit.is_clean()
    return complete["verificationId"]


def test_age_only(stack, browser, shop, keys):
    visit = Visit(stack, browser, shop, keys, "only", "age_only")
    submitted(visit, "age_only")
    data = visit.is_told("approved")
    check_status(data, "only", "age_only", "approved", estimatedAge=30)
    assert is_time(data["expiresAt"])
    # It is over, and the page asks no more.
    count = len(shop.told)
    visit.tab.skip(seconds=60)
    assert len(shop.told) == count
    assert stack.rows(MEDIA, "only") == (("image/jpeg",),)


def test_full_age(stack, browser, shop, keys):
    visit = Visit(stack, browser, shop, keys, "age", "full_age")
    submitted(visit, "full_age", person=FOUND)
    data = visit.is_told("approved")
    check_status(data, "age", "full_age", "approved", verifiedDob="2000-09-20", documentCountry="NG")
    assert is_time(data["expiresAt"])


def test_full_kyc(stack, browser, shop, keys, shots):
    """Looked up, and then a reviewer's; each step as a person sees it."""
    visit = Visit(stack, browser, shop, keys, "kyc", "full_kyc")
    ver = submitted(visit, "full_kyc", Judge(visit, shots, "full_kyc"), FOUND)
    for _ in range(2):
        visit.asks_again()
        check_status(shop.told[-1]["data"], "kyc", "full_kyc", "pending", documentCountry="NG")
    wait_for(lambda: any(row["id"] == ver for row in stack.cli("review", "list", "--json")), 20)
    claimed = stack.cli("review", "claim", ver, "--json")
    reviewer = browser.tab(width=1280)
    for medium in claimed["media"]:
        reviewer.goto(url=medium["link"])
        assert reviewer.medium() == ("VIDEO" if medium["what"] == "video" else "IMG")
    reviewer.close()
    check_status(visit.is_told("under_review"), "kyc", "full_kyc", "under_review", documentCountry="NG")
    stack.cli("review", "approve", ver)
    data = visit.is_told("approved")
    check_status(data, "kyc", "full_kyc", "approved", verifiedDob="2000-09-20", documentCountry="NG")
    assert data["expiresAt"] is None
    assert [row[0] for row in stack.rows(MEDIA, "kyc")] == ["image/jpeg"] * 3 + ["video/webm"]
    record = stack.client(keys["secret"], "X-API-Key").get("/v1/records/kyc").json()["data"]
    assert (record["legalName"], record["documentNumberLast4"]) == ("Joe Leo", "0000")


@long
def test_a_document_from_abroad_is_a_reviewer_s(stack, browser, shop, keys):
    visit = Visit(stack, browser, shop, keys, "abroad", "full_age")
    ver = submitted(visit, "full_age", person=ABROAD)
    visit.asks_again()
    row, = [row for row in stack.cli("review", "list", "--json") if row["id"] == ver]
    assert row["cause"] == "document_not_covered"
    stack.cli("review", "claim", ver)
    stack.cli("review", "resubmit", ver)
    check_status(visit.is_told("resubmit_required"), "abroad", "full_age", "resubmit_required",
                 documentCountry="FR")


@long
def test_the_page_asks_as_often_as_it_should(stack, browser, shop, keys):
    """Every 5 seconds for 2 minutes, every 30 until 10 have passed, and then no more."""
    visit = Visit(stack, browser, shop, keys, "patient", "full_kyc")
    submitted(visit, "full_kyc", person=ABROAD)
    for _ in range(22):
        visit.asks_again(5)
    for _ in range(2):
        visit.asks_again(30)
    count = len(shop.told)
    visit.tab.skip(seconds=10)
    visit.tab.run(script="fetch('/own').then((answer) => answer.text()).then(() => null)")
    assert len(shop.told) == count
    for _ in range(14):
        visit.asks_again(30)
    visit.tab.skip(seconds=30)
    visit.tab.run(script="fetch('/own').then((answer) => answer.text()).then(() => null)")
    count = len(shop.told)
    visit.tab.skip(seconds=600)
    visit.tab.run(script="fetch('/own').then((answer) => answer.text()).then(() => null)")
    assert len(shop.told) == count
