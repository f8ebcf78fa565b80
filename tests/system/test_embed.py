# SPDX-License-Identifier: Apache-2.0
"""The page of an age check in a frame of a business's own page: who may have it there, what it takes and
sends, and what the page around it is told. Chromium plays a camera; what the camera cannot show, files do.
Whole checks are in the page of the README: with the real pool, database and batch, an estimator, the
provider's simulator and a reviewer, and a shop's server that asks with the secret key how it ends, as often as
its page asks it. Screenshots of every step go to BONAFIDE_SHOTS."""

import json
import os
import re
from pathlib import Path

import pytest
import requests

from browser import Browser, Frame, Popup
from embed import LEVELS, LISTEN, PERSON, VERIFICATION, Check, Judge, Site, address, make_keys, png
from product import LONG, TOP, Stack, is_id, is_time, wait_for

PAGE = TOP / "app/www/embed"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
          "img-src 'self' blob:; media-src blob:; form-action 'none'; base-uri 'none'; "
          "frame-ancestors ")
UP = {"status": 201, "body": {"data": {"uploadId": "med_1", "expiresAt": "2099-01-01T00:00:00Z"}}}
# Whom the provider's simulator finds, and whose birthday is this.
FOUND = {"country": "NG", "type": "nin", "number": "00000000000", "first": "Joe", "last": "Leo",
         "birth": ("20", "9", "2000")}
# A country that the catalogue does not have.
ABROAD = {**PERSON, "country": "FR", "type": "passport", "number": "12 AB-34567"}
MEDIA = ("SELECT m.media_type FROM media m JOIN age_verification a ON a.id = m.owner_id "
         "WHERE a.external_id = %s ORDER BY m.id")
long = pytest.mark.skipif(not LONG, reason="a neighbour's case; with BONAFIDE_LONG=1")


# What an operator may have in the catalogue: the second cannot be looked up with what a submission says.
MORE_TYPES = ("SN,work_permit,[0-9]{5},smile_v1,SN,WORK_PERMIT,,50\n"
              "SN,army_card,[0-9]{5},smile_v1,SN,ARMY_CARD,gender,50\n")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    catalogue = tmp_path_factory.mktemp("catalogue") / "id-types.csv"
    catalogue.write_text((TOP / "conf/id-types.csv").read_text() + MORE_TYPES)
    with Stack(web="nginx") as running:
        running.cli("catalogue", "load", str(catalogue))
        yield running


@pytest.fixture(scope="module")
def site():
    """A business's site."""
    with Site() as running:
        yield running


@pytest.fixture(scope="module")
def shop(site):
    """Its origin."""
    return site.url


@pytest.fixture(scope="module")
def stranger():
    with Site() as site:
        yield site.url


@pytest.fixture(scope="module", params=("nginx", "apache"))
def web(request, stack):
    if request.param == stack.web:
        yield stack
        return
    with Stack("--db-of", str(stack.dir), "--no-batch", web=request.param) as second:
        yield second


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    running = Browser(tmp_path_factory.mktemp("embed"), camera=True)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def tidy(request):
    """Tabs that stay open have cameras and clocks that go on."""
    yield
    if "browser" in request.fixturenames:
        request.getfixturevalue("browser").close_tabs()


@pytest.fixture(scope="module")
def shots():
    """Where the pictures go; None: nobody wants any."""
    if "BONAFIDE_SHOTS" not in os.environ:
        return None
    place = Path(os.environ["BONAFIDE_SHOTS"], "embed")
    place.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture(scope="module")
def keys(stack, shop):
    return make_keys(stack, [shop + "/back?x=1", "https://shop.example/", "https://*.example/x"])


# ---- as it is served ---------------------------------------------------------------------------------

def test_page(web, keys, shop):
    got = requests.get(address(web, keys), timeout=10)
    wanted = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
              "Content-Security-Policy": f"{POLICY}{shop} https://shop.example",
              "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    assert got.status_code == 200
    assert {name: got.headers[name] for name in wanted} == wanted
    # It knows no list: where it is sent too, browsers would frame the page nowhere.
    assert "X-Frame-Options" not in got.headers
    assert "camera=(self)" in got.headers["Permissions-Policy"]
    assert keys["publishable"] not in got.text


@pytest.mark.parametrize("change, status, error", (
    ({"key": ""}, 401, "Unauthorized"), ({"key": "pk_verify_" + "a" * 48}, 401, "Unauthorized"),
    ({"key": "secret"}, 403, "Forbidden"), ({"key": "server"}, 403, "Forbidden"),
    ({"more": "1"}, 400, "Bad Request"), ({"level": "x" * 513}, 400, "Bad Request")))
def test_page_refused(web, keys, change, status, error):
    """A secret key in an address is one that everybody has: it is not taken, so nobody puts it there."""
    if change.get("key") in keys:
        change = {"key": keys[change["key"]]}
    got = requests.get(address(web, keys, **change), timeout=10)
    assert (got.status_code, got.json()["error"]) == (status, error)
    assert set(got.json()) == {"error", "correlationId"}


def test_key_in_the_header_is_none(web, keys):
    got = requests.get(web.url + "/embed?level=age_only", headers={"X-API-Key": keys["publishable"]}, timeout=10)
    assert got.status_code == 401


def test_nobody_frames_where_no_address_is_registered(stack):
    got = requests.get(address(stack, make_keys(stack, None)), timeout=10)
    assert got.headers["Content-Security-Policy"] == POLICY + "'none'"


def test_as_many_origins_as_there_can_be(web, stack):
    """The longest header that there can be passes both web servers."""
    uris = [f"https://{i:02}.{('a' * 60 + '.') * 3}{'b' * 50}.example:65535/x" for i in range(20)]
    got = requests.get(address(web, make_keys(stack, uris)), timeout=10)
    assert got.status_code == 200
    assert got.headers["Content-Security-Policy"].split("frame-ancestors ")[1].split(" ") == [
        uri[:-2] for uri in uris]


def test_config(stack, keys, shop):
    for kind, status in (("publishable", 200), ("secret", 200), ("server", 403)):
        got = stack.client(keys[kind], "X-API-Key").get("/v1/verify/embed-config")
        assert got.status_code == status, kind
    config = stack.client(keys["publishable"], "X-API-Key").get("/v1/verify/embed-config").json()["data"]
    assert len(config.pop("countries")) == 249
    documents = config.pop("documents")
    assert documents[:3] == [{"country": None, "type": kind, "pattern": None, "back": back} for kind, back in (
        ("national_id", True), ("passport", False), ("drivers_license", True))]
    # What can be photographed, and asked about with what a submission says.
    catalogue = [row for row in stack.rows("SELECT country, id_type, pattern FROM id_type ORDER BY country, id_type")
                 if row[1] not in ("army_card", "bank_account", "bvn", "kra_pin", "phone_number", "tax_id",
                                   "virtual_nin")]
    assert documents[3:] == [{"country": country, "type": kind, "pattern": pattern, "back": kind != "passport"}
                             for country, kind, pattern in catalogue]
    assert len(catalogue) > 20 and ("SN", "work_permit", "[0-9]{5}") in catalogue
    assert config == {
        "organizationName": "Shop Ltd", "termsUrl": None, "privacyUrl": "https://shop.example/privacy",
        "origins": [shop, "https://shop.example"],
        "levels": [{"level": level, "uploads": uploads, "document": level != "age_only"}
                   for level, uploads in LEVELS.items()],
        "keepDays": 365, "recordYears": 7}


def test_every_file_is_served_and_installed(web):
    makefile = (TOP / "Makefile.am").read_text()
    names = {path.name for path in PAGE.iterdir()}
    texts = "".join((PAGE / name).read_text() for name in names) + (TOP / "app/web/r_embed.c").read_text()
    for name in names:
        assert "app/www/embed/" + name in makefile, name
        assert "/" + name in texts, name
        got = requests.get(f"{web.url}/embed/{name}", timeout=10)
        assert got.text == (PAGE / name).read_text(), name
        assert got.headers["Cache-Control"] == "no-cache" and got.headers["X-Frame-Options"] == "DENY"
    assert requests.get(web.url + "/embed/absent.js", timeout=10).status_code == 404
    assert requests.post(web.url + "/embed/embed.js", timeout=10).status_code == 405


def test_both_languages_say_everything():
    texts = (PAGE / "texts.js").read_text()
    english, french = [dict(re.findall(r"\b(\w+): '([^']*)'", part.split("\n};")[0]))
                       for part in texts.split("const en = {")[1].split("const fr = {")]
    assert len(english) > 90 and english.keys() == french.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", french[key])), key
        assert french[key].strip(), key


# ---- whole checks --------------------------------------------------------------------------------------

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

    def __init__(self, stack, browser, site, keys, person, level):
        self.stack, self.site, self.person = stack, site, person
        site.page = own_page(stack, keys, person, level)
        site.ask = {"url": f"{stack.url}/v1/verify/{person}/status", "headers": {"X-API-Key": keys["secret"]}}
        site.told.clear()
        self.tab = browser.tab()
        self.tab.goto(url=site.url + "/own")
        self.frame = Frame(self.tab, "embed")

    def asks_again(self, seconds=5):
        """So much later the page has asked once more."""
        count = len(self.site.told)
        self.tab.skip(seconds=seconds)
        wait_for(lambda: len(self.site.told) > count, 5, 0.02)
        assert len(self.site.told) == count + 1

    def is_told(self, status):
        """The shop's page, by its own server."""
        wait_for(lambda: self.site.told, 15, 0.02)
        wait_for(lambda: self.site.told[-1]["data"]["status"] == status or self.asks_again(), 20)
        self.tab.waitText(text=status)
        return self.site.told[-1]["data"]


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
        judge.look("consent", dark=True)
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
        judge.look("review", dark=True)
    assert visit.stack.rows(MEDIA, visit.person) == () and visit.told("ae:complete") == []
    # A double click is one submission.
    visit.frame.twice(selector="#go")
    complete, = visit.waits_for("ae:complete")
    visit.frame.waitText(text="Thank you, everything has arrived")
    if judge:
        judge.look("arrived", dark=True)
    assert is_id("ver", complete["verificationId"])
    assert visit.tab.messages() == [{"origin": visit.stack.url, "type": kind, "data": data} for kind, data in (
        ("ae:ready", {}), ("ae:started", {"level": level}),
        ("ae:complete", {"verificationId": complete["verificationId"], "status": "pending"}))]
    visit.is_clean()
    return complete["verificationId"]


def test_age_only(stack, browser, site, keys):
    visit = Visit(stack, browser, site, keys, "only", "age_only")
    submitted(visit, "age_only")
    data = visit.is_told("approved")
    check_status(data, "only", "age_only", "approved", estimatedAge=30)
    assert is_time(data["expiresAt"])
    # It is over, and the page asks no more.
    count = len(site.told)
    visit.tab.skip(seconds=60)
    assert len(site.told) == count
    assert stack.rows(MEDIA, "only") == (("image/jpeg",),)


def test_full_age(stack, browser, site, keys):
    visit = Visit(stack, browser, site, keys, "age", "full_age")
    submitted(visit, "full_age", person=FOUND)
    data = visit.is_told("approved")
    check_status(data, "age", "full_age", "approved", verifiedDob="2000-09-20", documentCountry="NG")
    assert is_time(data["expiresAt"])


def test_full_kyc(stack, browser, site, keys, shots):
    """Looked up, and then a reviewer's; each step as a person sees it."""
    visit = Visit(stack, browser, site, keys, "kyc", "full_kyc")
    ver = submitted(visit, "full_kyc", Judge(visit, shots, "full_kyc"), FOUND)
    for _ in range(2):
        visit.asks_again()
        check_status(site.told[-1]["data"], "kyc", "full_kyc", "pending", documentCountry="NG")
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
def test_a_document_from_abroad_is_a_reviewer_s(stack, browser, site, keys):
    visit = Visit(stack, browser, site, keys, "abroad", "full_age")
    ver = submitted(visit, "full_age", person=ABROAD)
    visit.asks_again()
    row, = [row for row in stack.cli("review", "list", "--json") if row["id"] == ver]
    assert row["cause"] == "document_not_covered"
    stack.cli("review", "claim", ver)
    stack.cli("review", "resubmit", ver)
    check_status(visit.is_told("resubmit_required"), "abroad", "full_age", "resubmit_required",
                 documentCountry="FR")


@long
def test_the_page_asks_as_often_as_it_should(stack, browser, site, keys):
    """Every 5 seconds for 2 minutes, every 30 until 10 have passed, and then no more."""
    visit = Visit(stack, browser, site, keys, "patient", "full_kyc")
    submitted(visit, "full_kyc", person=ABROAD)
    for _ in range(22):
        visit.asks_again(5)
    for _ in range(2):
        visit.asks_again(30)
    count = len(site.told)
    visit.tab.skip(seconds=10)
    visit.tab.run(script="fetch('/own').then((answer) => answer.text()).then(() => null)")
    assert len(site.told) == count
    for _ in range(14):
        visit.asks_again(30)
    visit.tab.skip(seconds=30)
    visit.tab.run(script="fetch('/own').then((answer) => answer.text()).then(() => null)")
    count = len(site.told)
    visit.tab.skip(seconds=600)
    visit.tab.run(script="fetch('/own').then((answer) => answer.text()).then(() => null)")
    assert len(site.told) == count


# ---- what is sent ------------------------------------------------------------------------------------

def test_what_is_sent(stack, browser, keys, shop):
    """A document is what the country has; who changes it is asked for what is missing then, and for that
    alone."""
    check = Check(browser, shop, address(stack, keys, "full_age"))
    check.on_consent()
    check.frame.wait(selector="#screen.document")
    # Nothing is known of French numbers; of the Senegalese, that they have 13 or 14 digits.
    check.frame.choose(selector="#country", value="SN")
    assert check.frame.texts(selector="#id_type option") == [
        "Please choose", "Driving licence", "National identity card", "Passport", "Voter’s card", "Work permit"]
    check.frame.choose(selector="#id_type", value="voter_id")
    check.frame.waitText(text="It has 12 to 13 letters or digits.")
    check.frame.choose(selector="#country", value="FR")
    assert check.frame.value(selector="#id_type") == ""
    assert check.frame.focus() == "country"
    assert check.frame.texts(selector="#id_type option") == [
        "Please choose", "Driving licence", "National identity card", "Passport"]
    check.on_document(country="SN", type="passport", number="AB 123-4567")
    check.takes("selfie")
    check.takes("idFront")
    check.frame.wait(selector="#screen.review")
    check.frame.click(selector="[aria-label='Change: Your identity document']")
    check.frame.wait(selector="#screen.document")
    check.frame.choose(selector="#id_type", value="national_id")
    check.frame.click(selector="#go")
    check.frame.wait(selector="#summary")
    assert check.frame.text(selector="#summary li") == "This is not a number of this kind of document"
    check.frame.fill(selector="#id_number", text="1234567890123")
    check.frame.click(selector="#go")
    check.takes("idBack")
    check.frame.wait(selector="#screen.review")
    assert check.tab.seen()["played"] == []
    check.frame.twice(selector="#go")
    assert check.waits_for("ae:complete") == [{"verificationId": VERIFICATION, "status": "pending"}]
    uploads = check.played("uploads")
    assert [request["headers"]["content-type"] for request in uploads] == ["image/jpeg"] * 3
    assert {request["headers"]["x-api-key"] for request in uploads} == {keys["publishable"]}
    submitted, = check.played("submit")
    assert json.loads(submitted["body"]) == {
        "externalId": "user_abc123", "level": "full_age", "consent": True,
        "uploads": {step: f"med_{i + 1}" for i, step in enumerate(LEVELS["full_age"])},
        "document": {"country": "SN", "type": "national_id", "number": "1234567890123",
                     "firstName": "Amara", "lastName": "Diallo", "dateOfBirth": "1990-05-15"}}
    assert len(submitted["headers"]["idempotency-key"]) == 32


def test_in_french_with_the_keyboard_alone(stack, browser, shop, shots):
    """And with names as long as they can be."""
    name = "Établissements Vandenbroucke-Lagardère " + "x" * 60
    check = Check(browser, shop, address(stack, make_keys(stack, [shop], name), lang="fr"))
    judge = Judge(check, shots, "french")
    check.frame.wait(selector="#screen.consent")
    assert check.frame.language() == "fr"
    assert check.frame.text(selector="h1") == name + " vous demande de confirmer votre âge"
    judge.look("consent")
    for selector, key in (("#consent", "Space"), ("#go", "Enter")):
        check.frame.tabTo(selector=selector)
        check.frame.press(key=key)
    check.frame.wait(selector="#screen.selfie")
    assert check.frame.focus() == "H1"
    assert check.frame.text(selector="#live").startswith("Étape 2 sur 3")
    check.frame.tabTo(selector="#go")
    check.frame.press(key="Enter")
    check.frame.wait(selector="#live-picture")
    assert check.frame.focus() == "go"
    assert check.frame.text(selector="#live-words") == "Gardez votre visage dans l’ovale."
    check.frame.press(key="Enter")
    check.frame.wait(selector=".shot[src]")
    assert check.frame.focus() == "H1" and check.frame.text(selector="h1") == "Cette photo est-elle bonne\u00a0?"
    for _ in range(2):
        check.frame.tabTo(selector="#go")
        check.frame.press(key="Enter")
    assert check.waits_for("ae:complete")


# ---- who may not, and who is told --------------------------------------------------------------------

def test_stranger_frames_nothing_and_is_told_nothing(stack, browser, keys, stranger):
    check = Check(browser, stranger, address(stack, keys))
    wait_for(lambda: any("frame-ancestors" in line for line in check.tab.seen()["console"]), 15)
    assert check.tab.messages() == []
    assert "/embed/embed.js" not in json.dumps(check.tab.seen()["requests"])


def test_stranger_that_opens_it_is_told_nothing(stack, browser, keys, shop, stranger):
    """Also where the browser does not say who opened it, and one of those that may be told is told."""
    for around, told in ((shop + "/opener", ["ae:ready"]), (shop + "/quiet", ["ae:ready"]),
                         (stranger + "/opener", []), (stranger + "/quiet", [])):
        tab = browser.tab()
        tab.goto(url=around + "#" + address(stack, keys).replace("%", "%25"))
        assert "Shop Ltd asks you" in tab.popup(selector="#go")
        assert [message["type"] for message in tab.messages()] == told, around


def test_nobody_is_told_who_came_after(stack, browser, keys, shop, stranger):
    """A message is for an origin, and not for whoever is at the other end now."""
    tab = browser.tab()
    tab.goto(url=shop + "/opener#" + address(stack, keys).replace("%", "%25"))
    tab.popup(selector="#go")
    opened = Popup(tab)

    def goes_on(selector):
        opened.click(selector=selector)
    tab.goto(url=stranger + "/bare")
    assert opened.run(script="Boolean(opener)")
    goes_on("#consent")
    goes_on("#go")
    opened.wait(selector="#screen.selfie")
    assert tab.messages() == []
    # The shop's own page is told what comes when it is there again.
    tab.goto(url=shop + "/bare")
    goes_on("footer button")
    goes_on("dialog .danger")
    assert wait_for(lambda: tab.messages(), 10, 0.03) == [{"origin": stack.url, "type": "ae:cancel", "data": {}}]


def test_messages_to_it_change_nothing(stack, browser, keys, shop):
    check = Check(browser, shop, address(stack, keys))
    check.frame.wait(selector="#screen.consent")
    before = check.frame.text(selector="body")
    check.tab.run(script="""for (const data of [{ type: 'ae:cancel', data: {} }, { type: 'ae:complete' }, 'x',
        { type: 'config', data: { origins: ['*'] } }]) frames[0].postMessage(data, '*');""")
    check.frame.run(script="new Promise((resolve) => setTimeout(resolve, 50))")
    assert check.frame.text(selector="body") == before
    assert [message["type"] for message in check.tab.messages()] == ["ae:ready"]
    check.is_clean()


@pytest.mark.parametrize("more, what", (
    pytest.param({"level": "full"}, "level", marks=long),
    pytest.param({"external_id": "a b"}, "external_id", marks=long),
    ({"external_id": "x" * 129, "level": ""}, "external_id, level")))
def test_wrong_address(stack, browser, keys, shop, shots, more, what):
    check = Check(browser, shop, address(stack, keys, **more))
    check.frame.waitText(text=f"not as it must be: {what}.")
    assert check.waits_for("ae:error") == [{"error": "Bad Request", "code": "invalid_parameters"}]
    assert check.told("ae:ready") == []
    Judge(check, shots, "address").look("wrong")


# ---- the camera, and files ---------------------------------------------------------------------------

def test_camera_refused_then_a_file(stack, browser, keys, shop, shots, tmp_path):
    check = Check(browser, shop, address(stack, keys), path="/blind")
    check.on_consent()
    check.frame.wait(selector="#screen.selfie")
    check.frame.click(selector="#go")
    check.frame.waitText(text="The camera may not be used here.")
    Judge(check, shots, "blind").look("denied", dark=True)
    (tmp_path / "no.jpg").write_bytes(b"\xff\xd8\xff\xe0 this is no photo")
    check.gives("selfie", tmp_path / "no.jpg")
    check.frame.waitText(text="This file is not a photo that can be read.")
    check.gives("selfie", png(tmp_path / "small.png", 300, 900))
    check.frame.waitText(text="This photo is too small to be read.")
    check.gives("selfie", png(tmp_path / "large.png", 5000, 1000))
    check.frame.wait(selector=".shot[src]")
    # Another one, by the same way.
    check.frame.click(selector=".buttons .plain")
    check.gives("selfie", tmp_path / "large.png")
    check.frame.wait(selector=".shot[src]")
    check.frame.click(selector="#go")
    check.sends()
    assert check.waits_for("ae:complete")
    assert check.played("uploads")[0]["headers"]["content-type"] == "image/jpeg"


def test_video_file(stack, browser, keys, shop, tmp_path):
    """Where a browser cannot film, a file does; the server looks into it, and says no to what only looks
    like one."""
    check = Check(browser, shop, address(stack, keys, "full_kyc", external_id="video"), real=True,
                  before="delete globalThis.MediaRecorder")
    check.on_consent()
    check.on_document(type="passport", country="FR")
    picture = png(tmp_path / "a.png", 640, 640)
    for step in ("selfie", "idFront"):
        check.gives(step, picture)
        check.frame.wait(selector=".shot[src]")
        check.frame.click(selector="#go")
    check.frame.wait(selector="#screen.video")
    check.frame.click(selector="#go")
    check.frame.waitText(text="This browser cannot film")
    (tmp_path / "no.webm").write_bytes(b"\0\0\0\x18ftypmp42")
    check.gives("video", tmp_path / "no.webm")
    check.frame.waitText(text="This file is not a WebM video.")
    (tmp_path / "large.webm").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(15 * 1024 * 1024))
    check.gives("video", tmp_path / "large.webm")
    check.frame.waitText(text="larger than 15 MB")
    (tmp_path / "a.webm").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(15 * 1024 * 1024 - 4))
    check.gives("video", tmp_path / "a.webm")
    check.frame.wait(selector=".shot[src]")
    check.frame.click(selector="#go")
    check.sends()
    check.frame.waitText(text="The server could not use this one.")
    check.frame.wait(selector="#screen.video")
    assert check.told("ae:error") == [] and stack.rows(MEDIA, "video") == ()


# Names of what getUserMedia() can fail with; a camera that shows nothing is one that plays nothing.
CAMERAS = {"NotFoundError": "There is no camera", "NotReadableError": "used by another program",
           "SecurityError": "may not be used here", "TypeError": "There is no camera"}


@long
@pytest.mark.parametrize("name", [*CAMERAS, "none", "dark"])
def test_cameras_that_fail(stack, browser, keys, shop, name):
    script = {"none": "Object.defineProperty(Navigator.prototype, 'mediaDevices', { value: undefined })",
              "dark": "navigator.mediaDevices.getUserMedia = async () => new MediaStream()"}
    check = Check(browser, shop, address(stack, keys), before=script.get(name) or (
        f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('x', '{name}'); }}"))
    check.on_consent()
    check.frame.wait(selector="#screen.selfie")
    check.frame.click(selector="#go")
    if name == "dark":
        check.frame.wait(selector="#live-picture")
        check.frame.click(selector="#go")
        check.tab.skip(seconds=6)
    check.frame.waitText(text=CAMERAS.get(name) or {"none": "There is no camera", "dark": "shows nothing"}[name])


# ---- on the way --------------------------------------------------------------------------------------

def test_key_revoked_meanwhile(stack, browser, shop):
    """And the network was away before; the person loses nothing of it."""
    keys = make_keys(stack, [shop])
    check = Check(browser, shop, address(stack, keys, external_id="revoked"), real=True)
    check.on_consent()
    check.takes("selfie")
    check.frame.wait(selector="#screen.review")
    check.tab.offline(on=True)
    check.frame.click(selector="#go")
    check.frame.waitText(text="You are offline.")
    stack.cli("key", "revoke", keys["publishable_id"])
    check.tab.offline(on=False)
    check.frame.waitText(text="This page cannot be used any more")
    assert check.waits_for("ae:error") == [{"error": "Unauthorized", "code": "key_refused"}]
    assert stack.rows(MEDIA, "revoked") == () and check.told("ae:complete") == []


@long
def test_key_replaced_meanwhile(stack, browser, shop):
    """The old one goes on for as long as the owner likes."""
    keys = make_keys(stack, [shop])
    check = Check(browser, shop, address(stack, keys, external_id="replaced"), real=True)
    check.on_consent()
    check.takes("selfie")
    stack.cli("key", "rotate", keys["publishable_id"], "--overlap", "3600")
    check.sends()
    assert check.waits_for("ae:complete")


def test_who_is_looked_at_already(stack, browser, keys, shop):
    """The server says so, and the page tells the person and the page around it. Before that, a frame that
    is loaded again begins again: nothing was kept; and one that loses the network goes on when it is back."""
    for told, text in (("ae:complete", "Thank you, everything has arrived"),
                       ("ae:error", "You cannot send another check now")):
        check = Check(browser, shop, address(stack, keys, external_id="twice"), real=True)
        check.on_consent()
        check.takes("selfie")
        check.frame.wait(selector="#screen.review")
        if told == "ae:complete":
            check.frame.run(script="location.reload()")
            check.on_consent()
            check.takes("selfie")
            assert [message["type"] for message in check.tab.messages()] == ["ae:ready", "ae:started"] * 2
            check.frame.wait(selector="#screen.review")
            check.tab.offline(on=True)
        check.sends()
        if told == "ae:complete":
            check.frame.waitText(text="You are offline.")
            check.tab.offline(on=False)
        check.frame.waitText(text=text)
        assert check.waits_for(told)
    assert check.told("ae:error") == [{"error": "Forbidden", "code": "not_eligible"}]


def test_server_away_for_a_while(stack, browser, keys, shop, shots):
    away = [{"status": 502, "headers": {"Retry-After": "60"}, "body": {"error": "Internal Server Error"}},
            {"status": 429, "headers": {"Retry-After": "60"}, "body": {"error": "Too Many Requests"}}]
    done = {"status": 201, "body": {"data": {"verificationId": VERIFICATION, "status": "approved"}}}
    check = Check(browser, shop, address(stack, keys), uploads=[away[0], UP], submit=[away[1], done])
    check.on_consent()
    check.takes("selfie")
    check.sends()
    for name, text in (("uploads", "We cannot reach the server."), ("submit", "There is a lot to do")):
        wait_for(lambda: check.played(name), 15, 0.03)
        check.frame.waitText(text=text)
        # Nobody could say whether a submission was stopped in time.
        assert check.frame.count(selector="footer button") == (name == "uploads")
        check.frame.click(selector=".notice button")
    check.frame.waitText(text="Thank you, your age is confirmed")
    assert check.told("ae:complete") == [{"verificationId": VERIFICATION, "status": "approved"}]
    first, second = check.played("submit")
    assert first["headers"]["idempotency-key"] == second["headers"]["idempotency-key"]
    assert len(check.played("uploads")) == 2
    Judge(check, shots, "away", idle=True).look("approved")


@pytest.mark.parametrize("status, error, code, text", (
    pytest.param(403, "Forbidden", "not_eligible", "You cannot send another check now", marks=long),
    pytest.param(401, "Unauthorized", "key_refused", "This page cannot be used any more", marks=long),
    pytest.param(402, "Forbidden", "not_paid", "This page cannot be used any more", marks=long),
    (400, "Bad Request", "refused", "What you sent could not be accepted")))
def test_submission_refused(stack, browser, keys, shop, shots, status, error, code, text):
    check = Check(browser, shop, address(stack, keys), submit=[
        {"status": status, "body": {"error": error, "correlationId": "req_x"}}])
    check.on_consent()
    check.takes("selfie")
    check.sends()
    check.frame.waitText(text=text)
    assert check.told("ae:error") == [{"error": error, "code": code}]
    Judge(check, shots, f"refused-{status}", idle=status in (401, 402)).look("refused")
    if status == 400:
        check.frame.click(selector="#go")
        check.frame.wait(selector="#screen.review")


@long
def test_upload_refused_is_taken_again(stack, browser, keys, shop):
    check = Check(browser, shop, address(stack, keys), uploads=[
        {"status": 415, "body": {"error": "Bad Request"}}, UP])
    check.on_consent()
    check.takes("selfie")
    check.sends()
    check.frame.waitText(text="The server could not use this one.")
    check.takes("selfie")
    check.sends()
    assert check.waits_for("ae:complete") and check.told("ae:error") == []


def test_uploads_purged_meanwhile_are_sent_again(stack, browser, keys, shop):
    gone = {"status": 404, "body": {"error": "Not Found", "correlationId": "req_x"}}
    done = {"status": 201, "body": {"data": {"verificationId": VERIFICATION, "status": "under_review"}}}
    check = Check(browser, shop, address(stack, keys), submit=[gone, done])
    check.on_consent()
    check.takes("selfie")
    check.sends()
    assert check.waits_for("ae:complete") == [{"verificationId": VERIFICATION, "status": "under_review"}]
    assert [json.loads(request["body"])["uploads"]["selfie"] for request in check.played("submit")] == [
        "med_1", "med_2"]


def test_cancelled_and_begun_again(stack, browser, keys, shop, shots):
    """While it is sent, too; as long as nothing was submitted."""
    away = {"status": 503, "headers": {"Retry-After": "60"}, "body": {"error": "Internal Server Error"}}
    check = Check(browser, shop, address(stack, keys), uploads=[away])
    judge = Judge(check, shots, "cancelled")
    check.on_consent()
    check.takes("selfie")
    check.frame.click(selector="footer button")
    check.frame.wait(selector="dialog[open]")
    judge.look("sure")
    check.frame.press(key="Escape")
    check.frame.gone(selector="dialog")
    check.sends()
    check.frame.wait(selector=".notice button")
    assert check.told("ae:cancel") == [] and len(check.played("uploads")) == 1
    check.frame.click(selector="footer button")
    check.frame.click(selector="dialog .danger")
    check.frame.waitText(text="You stopped the check")
    assert check.waits_for("ae:cancel") == [{}]
    judge.look("stopped")
    check.frame.click(selector="#go")
    check.frame.wait(selector="#screen.consent")
    # Nothing is left of before.
    check.frame.click(selector="#go")
    check.frame.wait(selector="#summary")
    check.tab.skip(seconds=120)
    assert [len(check.tab.seen()["played"]), check.played("submit")] == [1, []]
    assert check.told("ae:error") == []
