# SPDX-License-Identifier: Apache-2.0
"""The page of an age check in a frame of a business's own page: who may have it there, what it takes and
sends, and what the page around it is told. Chromium plays a camera; what the camera cannot show, files do.
The screenshots of every step are in the test's own directory, or in BONAFIDE_SHOTS."""

import http.server
import json
import os
import re
import struct
import threading
import zlib
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from browser import Browser, Frame
from product import LONG, TOP, Stack, wait_for

PAGE = TOP / "app/www/embed"
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
          "img-src 'self' blob:; media-src blob:; form-action 'none'; base-uri 'none'; "
          "frame-ancestors ")
WIDTHS = (320, 390, 1280)
VERIFICATION = "av_01h455vb4pex5vsknk084sn02q"
LEVELS = {"age_only": ["selfie"], "full_age": ["selfie", "idFront", "idBack"],
          "full_kyc": ["selfie", "idFront", "idBack", "video"]}
MEDIA = ("SELECT m.media_type FROM media m JOIN age_verification a ON a.id = m.owner_id "
         "WHERE a.external_id = %s ORDER BY m.id")
long = pytest.mark.skipif(not LONG, reason="a neighbour's case; with BONAFIDE_LONG=1")


# ---- the page around it ------------------------------------------------------------------------------

AROUND = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width"><style>body{margin:0}iframe{width:100%;height:900px;border:0}</style>
<script>
globalThis.messages = [];
addEventListener('message', (event) => messages.push({ origin: event.origin, ...event.data }));
addEventListener('DOMContentLoaded', () => {
	const address = decodeURIComponent(location.hash.slice(1));
	if (location.pathname === '/opener') {
		document.body.innerHTML = '<button id="go">Go</button>';
		document.getElementById('go').onclick = () => open(address);
		return;
	}
	const frame = document.createElement('iframe');
	frame.name = 'embed';
	frame.title = 'Age check';
	frame.allow = location.pathname === '/blind' ? '' : 'camera';
	frame.src = address;
	document.body.append(frame);
});
</script><body></body></html>"""


class Around(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(AROUND)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def shop():
    """A business's site: its origin."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Around) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def stranger():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Around) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def stack():
    with Stack("--no-batch", web="nginx") as running:
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
    running = Browser(tmp_path_factory.mktemp("embed"), camera=True)
    yield running
    running.close()


@pytest.fixture(scope="module")
def shots(tmp_path_factory):
    """Where the pictures go; None: nobody wants any."""
    wanted = os.environ.get("BONAFIDE_SHOTS")
    if not wanted and not LONG:
        return None
    place = Path(wanted or tmp_path_factory.mktemp("shots"), "embed")
    place.mkdir(parents=True, exist_ok=True)
    return place


def raw_id(text):
    """The UUID inside a typed id: 26 characters of Crockford's base32."""
    number = 0
    for letter in text[-26:]:
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)
    return number.to_bytes(16, "big")


def make_keys(stack, uris, name="Shop Ltd", environment="live"):
    """A secret key, a publishable one and a server's, of an application with these redirect_uris."""
    app, _ = stack.tenant(name)
    stack.rows("UPDATE application SET redirect_uris = %s, privacy_url = %s WHERE id = %s",
               json.dumps(uris) if uris else None, "https://shop.example/privacy", raw_id(app))
    pair = stack.key(app, environment, scopes=None, kind="secret")
    return {"secret": pair["key"], "publishable": pair["publishable_key"],
            "server": stack.key(app, environment)["key"]}


@pytest.fixture(scope="module")
def keys(stack, shop):
    return make_keys(stack, [shop + "/back?x=1", "https://shop.example/", "https://*.example/x"])


def address(stack, keys, level="age_only", **more):
    return stack.url + "/embed?" + urlencode({
        "key": keys["publishable"], "external_id": "user_abc123", "level": level, "lang": "en", **more})


class Check:
    """A page of the shop with the check in it; what the server says to uploads and submissions is played,
    or real."""

    def __init__(self, browser, around, url, path="/", uploads=None, submit=None, real=False):
        self.tab = browser.tab()
        if not real:
            self.play(uploads, submit)
        self.tab.goto(url=around + path + "#" + url.replace("%", "%25"))
        self.frame = Frame(self.tab, "embed")

    def play(self, uploads, submit):
        self.tab.play(address="**/v1/verify/uploads", answers=uploads or [
            {"status": 201, "body": {"data": {"uploadId": f"up_{i}", "expiresAt": "2099-01-01T00:00:00Z"}}}
            for i in range(1, 9)])
        self.tab.play(address="**/v1/verify/submit", answers=submit or [{"status": 201, "body": {"data": {
            "verificationId": VERIFICATION, "externalId": "user_abc123", "status": "pending"}}}])

    def told(self, kind):
        """The data of the messages of this type."""
        return [message["data"] for message in self.tab.messages() if message["type"] == kind]

    def waits_for(self, kind):
        return wait_for(lambda: self.told(kind), 15)

    def played(self, name):
        return [request for request in self.tab.seen()["played"] if request["url"].endswith("/" + name)]

    def on_consent(self):
        self.frame.wait(selector="#screen.consent")
        self.frame.click(selector="#consent")
        self.frame.click(selector="#go")

    def on_document(self, kind="national_id"):
        self.frame.wait(selector="#screen.document")
        self.frame.choose(selector="#country", value="SN")
        self.frame.choose(selector="#id_type", value=kind)
        self.frame.fill(selector="#id_number", text="1234567890123")
        self.frame.click(selector="#go")
        self.frame.wait(selector="#screen.person")
        for name, text in {"first_name": "Amara", "last_name": "Diallo", "birth_day": "15",
                           "birth_month": "5", "birth_year": "1990"}.items():
            self.frame.fill(selector="#" + name, text=text)
        self.frame.click(selector="#go")

    def takes(self, step, judge=None):
        """With the camera: opened, taken, found good."""
        self.frame.wait(selector="#screen." + step)
        self.frame.click(selector="#go")
        self.frame.wait(selector="#live-picture")
        if judge:
            judge.look(step + "-live")
        self.frame.click(selector="#go")
        self.frame.wait(selector=".shot[src]")
        if judge:
            judge.look(step + "-taken")
        self.frame.click(selector="#go")

    def gives(self, step, path):
        """With a file."""
        self.frame.wait(selector="#screen." + step)
        self.frame.give(selector="#file", path=str(path))


class Judge:
    """Looks at each step: no serious finding of axe, also where it is dark; nothing too wide for a small
    phone; and pictures of it, when they are wanted. Idle, where another test shows the same screens."""

    def __init__(self, check, shots, name, idle=False):
        self.check, self.shots, self.name, self.steps, self.idle = check, shots, name, 0, idle

    def look(self, step):
        if self.idle and not self.shots:
            return
        self.steps += 1
        tab, frame = self.check.tab, self.check.frame
        for scheme, rules in (("dark", ["color-contrast"]), ("light", None)):
            tab.scheme(scheme=scheme)
            found = [rule for rule in frame.judge(rules=rules) if rule["impact"] in ("serious", "critical")]
            assert found == [], (step, scheme, found)
            for width in WIDTHS if self.shots else WIDTHS[:1]:
                tab.resize(width=width)
                assert frame.width() <= width, (step, width)
                if self.shots:
                    tab.shot(path=str(self.shots / f"{self.name}-{self.steps:02}-{step}-{width}-{scheme}.png"))
        tab.resize(width=390)


def check_clean(check, allowed=()):
    seen = check.tab.seen()
    assert seen["faults"] == [] and seen["violations"] == []
    assert [line for line in seen["console"] if line.split(":")[0] in ("error", "warning")
            and not any(word in line for word in allowed)] == []


def png(path, width, height):
    """A grey picture."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress((b"\0" + b"\x99" * width) * height)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
                     + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


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
    assert config == {
        "organizationName": "Shop Ltd", "termsUrl": None, "privacyUrl": "https://shop.example/privacy",
        "origins": [shop, "https://shop.example"],
        "levels": [{"level": level, "uploads": uploads, "document": level != "age_only"}
                   for level, uploads in LEVELS.items()],
        "documents": [{"type": "national_id", "back": True}, {"type": "passport", "back": False},
                      {"type": "drivers_license", "back": True}]}


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


# ---- whole checks ------------------------------------------------------------------------------------

@pytest.mark.parametrize("level", ["age_only", pytest.param("full_age", marks=long), "full_kyc"])
def test_level(stack, browser, keys, shop, shots, level):
    """From the frame to what the business's server is told."""
    person = "user_" + level
    check = Check(browser, shop, address(stack, keys, level, external_id=person), real=True)
    judge = Judge(check, shots, level, idle=level != "full_kyc")
    check.frame.wait(selector="#screen.consent")
    assert check.waits_for("ae:ready") == [{}]
    assert check.frame.text(selector="#asker") == "Shop Ltd"
    judge.look("consent")
    # Without consent there is no check, and nothing has begun.
    check.frame.click(selector="#go")
    check.frame.wait(selector="#summary")
    assert check.told("ae:started") == []
    check.on_consent()
    assert check.waits_for("ae:started") == [{"level": level}]
    if level != "age_only":
        check.on_document()
    for step in LEVELS[level]:
        check.frame.wait(selector="#screen." + step)
        judge.look(step)
        check.takes(step, judge if step == "selfie" else None)
    check.frame.wait(selector="#screen.review")
    judge.look("review")
    assert stack.rows(MEDIA, person) == () and check.told("ae:complete") == []
    # A double click is one submission.
    check.frame.twice(selector="#go")
    complete, = check.waits_for("ae:complete")
    check.frame.waitText(text="Thank you, everything has arrived")
    judge.look("arrived")
    assert {message["origin"] for message in check.tab.messages()} == {stack.url}
    status = stack.client(keys["secret"], "X-API-Key").get(f"/v1/verify/{person}/status").json()["data"]
    assert (status["externalId"], status["level"], status["status"]) == (person, level, complete["status"])
    assert complete["verificationId"].startswith("ver_")
    types = [row[0] for row in stack.rows(MEDIA, person)]
    assert types == ["video/webm" if step == "video" else "image/jpeg" for step in LEVELS[level]]
    assert check.frame.stored() == '[{},{},""]'
    check_clean(check)


def test_who_is_looked_at_already(stack, browser, keys, shop):
    """The server says so, and the page tells the person and the page around it."""
    for told, text in (("ae:complete", "Thank you, everything has arrived"),
                       ("ae:error", "You cannot send another check now")):
        check = Check(browser, shop, address(stack, keys, external_id="twice"), real=True)
        check.on_consent()
        check.takes("selfie")
        check.frame.wait(selector="#screen.review")
        check.frame.click(selector="#go")
        check.frame.waitText(text=text)
        assert check.waits_for(told)
    assert check.told("ae:error") == [{"error": "Forbidden", "code": "not_eligible"}]


def test_what_is_sent(stack, browser, keys, shop):
    check = Check(browser, shop, address(stack, keys, "full_age"))
    check.on_consent()
    check.on_document()
    for step in LEVELS["full_age"]:
        check.takes(step)
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
        "uploads": {step: f"up_{i + 1}" for i, step in enumerate(LEVELS["full_age"])},
        "document": {"country": "SN", "type": "national_id", "number": "1234567890123",
                     "firstName": "Amara", "lastName": "Diallo", "dateOfBirth": "1990-05-15"}}
    assert len(submitted["headers"]["idempotency-key"]) == 32


def test_passport_has_no_back(stack, browser, keys, shop):
    check = Check(browser, shop, address(stack, keys, "full_age"))
    check.on_consent()
    check.on_document("passport")
    check.takes("selfie")
    check.takes("idFront")
    check.frame.wait(selector="#screen.review")
    # Who changes the document is asked for what is missing then, and for that alone.
    check.frame.click(selector="[aria-label='Change: Your identity document']")
    check.frame.wait(selector="#screen.document")
    check.frame.choose(selector="#id_type", value="national_id")
    check.frame.click(selector="#go")
    check.takes("idBack")
    check.frame.wait(selector="#screen.review")


def test_in_french_with_the_keyboard_alone(stack, browser, keys, shop, shots):
    check = Check(browser, shop, address(stack, keys, lang="fr"))
    judge = Judge(check, shots, "french")
    check.frame.wait(selector="#screen.consent")
    assert check.frame.language() == "fr"
    assert check.frame.text(selector="h1") == "Shop Ltd vous demande de confirmer votre âge"
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
    check.frame.press(key="Enter")
    check.frame.wait(selector=".shot[src]")
    for _ in range(2):
        check.frame.tabTo(selector="#go")
        check.frame.press(key="Enter")
    assert check.waits_for("ae:complete")


# ---- who may not -------------------------------------------------------------------------------------

def test_stranger_frames_nothing_and_is_told_nothing(stack, browser, keys, stranger):
    check = Check(browser, stranger, address(stack, keys))
    wait_for(lambda: any("frame-ancestors" in line for line in check.tab.seen()["console"]), 15)
    assert check.tab.messages() == []
    assert "/embed/embed.js" not in json.dumps(check.tab.seen()["requests"])


def test_stranger_that_opens_it_is_told_nothing(stack, browser, keys, shop, stranger):
    for origin, told in ((shop, ["ae:ready"]), (stranger, [])):
        tab = browser.tab()
        tab.goto(url=origin + "/opener#" + address(stack, keys).replace("%", "%25"))
        assert "Shop Ltd asks you" in tab.popup(selector="#go")
        assert [message["type"] for message in tab.messages()] == told, origin


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


# ---- on the way --------------------------------------------------------------------------------------

def test_camera_refused_then_a_file(stack, browser, keys, shop, shots, tmp_path):
    check = Check(browser, shop, address(stack, keys), path="/blind")
    judge = Judge(check, shots, "blind")
    check.on_consent()
    check.frame.wait(selector="#screen.selfie")
    check.frame.click(selector="#go")
    check.frame.waitText(text="The camera may not be used here.")
    judge.look("denied")
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
    check.frame.click(selector="#go")
    assert check.waits_for("ae:complete")
    assert check.played("uploads")[0]["headers"]["content-type"] == "image/jpeg"


def test_video_file(stack, browser, keys, shop, tmp_path):
    check = Check(browser, shop, address(stack, keys, "full_kyc"), path="/blind")
    check.on_consent()
    check.on_document("passport")
    picture = png(tmp_path / "a.png", 640, 640)
    for step in ("selfie", "idFront"):
        check.gives(step, picture)
        check.frame.wait(selector=".shot[src]")
        check.frame.click(selector="#go")
    (tmp_path / "no.webm").write_bytes(b"\0\0\0\x18ftypmp42")
    check.gives("video", tmp_path / "no.webm")
    check.frame.waitText(text="This file is not a WebM video.")
    (tmp_path / "large.webm").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(15 * 1024 * 1024))
    check.gives("video", tmp_path / "large.webm")
    check.frame.waitText(text="larger than 15 MB")
    (tmp_path / "a.webm").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(15 * 1024 * 1024 - 4))
    check.gives("video", tmp_path / "a.webm")
    check.frame.wait(selector=".shot[src]")


def test_server_away_for_a_while(stack, browser, keys, shop, shots):
    away = {"status": 503, "headers": {"Retry-After": "60"}, "body": {"error": "Internal Error"}}
    up = {"status": 201, "body": {"data": {"uploadId": "up_1", "expiresAt": "2099-01-01T00:00:00Z"}}}
    done = {"status": 201, "body": {"data": {"verificationId": VERIFICATION, "status": "approved"}}}
    check = Check(browser, shop, address(stack, keys), uploads=[away, up], submit=[away, done])
    check.on_consent()
    check.takes("selfie")
    check.frame.wait(selector="#screen.review")
    check.frame.click(selector="#go")
    for name in ("uploads", "submit"):
        wait_for(lambda: check.played(name), 15)
        check.frame.waitText(text="We cannot reach the server.")
        check.frame.click(selector=".notice button")
    check.frame.waitText(text="Thank you, your age is confirmed")
    assert check.told("ae:complete") == [{"verificationId": VERIFICATION, "status": "approved"}]
    first, second = check.played("submit")
    assert first["headers"]["idempotency-key"] == second["headers"]["idempotency-key"]
    assert len(check.played("uploads")) == 2
    Judge(check, shots, "away").look("approved")


@pytest.mark.parametrize("status, error, code, text", (
    (403, "Forbidden", "not_eligible", "You cannot send another check now"),
    pytest.param(401, "Unauthorized", "key_refused", "This page cannot be used any more", marks=long),
    (402, "Forbidden", "not_paid", "This page cannot be used any more"),
    (400, "Bad Request", "refused", "What you sent could not be accepted")))
def test_submission_refused(stack, browser, keys, shop, shots, status, error, code, text):
    check = Check(browser, shop, address(stack, keys), submit=[
        {"status": status, "body": {"error": error, "correlationId": "req_x"}}])
    check.on_consent()
    check.takes("selfie")
    check.frame.wait(selector="#screen.review")
    check.frame.click(selector="#go")
    check.frame.waitText(text=text)
    assert check.told("ae:error") == [{"error": error, "code": code}]
    Judge(check, shots, f"refused-{status}", idle=status in (401, 402)).look("refused")


def test_upload_refused_is_taken_again(stack, browser, keys, shop):
    up = {"status": 201, "body": {"data": {"uploadId": "up_1", "expiresAt": "2099-01-01T00:00:00Z"}}}
    check = Check(browser, shop, address(stack, keys), uploads=[
        {"status": 415, "body": {"error": "Bad Request"}}, up])
    check.on_consent()
    check.takes("selfie")
    check.frame.wait(selector="#screen.review")
    check.frame.click(selector="#go")
    check.frame.waitText(text="The server could not use this one.")
    check.takes("selfie")
    check.frame.wait(selector="#screen.review")
    check.frame.click(selector="#go")
    assert check.waits_for("ae:complete") and check.told("ae:error") == []


def test_uploads_purged_meanwhile_are_sent_again(stack, browser, keys, shop):
    gone = {"status": 404, "body": {"error": "Not Found", "correlationId": "req_x"}}
    done = {"status": 201, "body": {"data": {"verificationId": VERIFICATION, "status": "under_review"}}}
    check = Check(browser, shop, address(stack, keys), submit=[gone, done])
    check.on_consent()
    check.takes("selfie")
    check.frame.wait(selector="#screen.review")
    check.frame.click(selector="#go")
    assert check.waits_for("ae:complete") == [{"verificationId": VERIFICATION, "status": "under_review"}]
    assert [json.loads(request["body"])["uploads"]["selfie"] for request in check.played("submit")] == [
        "up_1", "up_2"]


def test_cancelled_and_begun_again(stack, browser, keys, shop, shots):
    check = Check(browser, shop, address(stack, keys))
    judge = Judge(check, shots, "cancelled")
    check.on_consent()
    check.takes("selfie")
    check.frame.click(selector="footer button")
    check.frame.wait(selector="dialog[open]")
    judge.look("sure")
    check.frame.press(key="Escape")
    check.frame.gone(selector="dialog")
    assert check.told("ae:cancel") == []
    check.frame.click(selector="footer button")
    check.frame.click(selector="dialog .danger")
    check.frame.waitText(text="You stopped here")
    assert check.waits_for("ae:cancel") == [{}]
    judge.look("stopped")
    check.frame.click(selector="#go")
    check.frame.wait(selector="#screen.consent")
    # Nothing is left of before.
    check.frame.click(selector="#go")
    check.frame.wait(selector="#summary")
    assert check.tab.seen()["played"] == []
