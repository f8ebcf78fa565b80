# SPDX-License-Identifier: Apache-2.0
"""An age check in a frame, for tests: the business's site around it, a person who goes through it, and
somebody who looks at every step."""

import http.server
import json
import struct
import threading
import zlib
from urllib.parse import urlencode

import requests

from browser import Frame
from product import LONG, wait_for

WIDTHS = (320, 390, 1280)
VERIFICATION = "ver_01h455vb4pex5vsknk084sn02q"
LEVELS = {"age_only": ["selfie"], "full_age": ["selfie", "idFront", "idBack"],
          "full_kyc": ["selfie", "idFront", "idBack", "video"]}
PERSON = {"country": "SN", "type": "national_id", "number": "1234567890123",
          "first": "Amara", "last": "Diallo", "birth": ("15", "5", "1990")}


# ---- the page around it ------------------------------------------------------------------------------

LISTEN = """<script>
globalThis.messages = [];
addEventListener('message', (event) => messages.push({ origin: event.origin, ...event.data }));
</script>"""

AROUND = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width"><style>body{margin:0}iframe{width:100%;height:900px;border:0}</style>
""" + LISTEN + """<script>
addEventListener('DOMContentLoaded', () => {
	const address = decodeURIComponent(location.hash.slice(1));
	if (location.pathname === '/opener' || location.pathname === '/quiet') {
		document.body.innerHTML = '<button id="go">Go</button>';
		document.getElementById('go').onclick = () => open(address);
		return;
	}
	if (location.pathname === '/bare')
		return;
	const frame = document.createElement('iframe');
	frame.name = 'embed';
	frame.title = 'Age check';
	frame.allow = location.pathname === '/blind' ? '' : 'camera';
	frame.src = address;
	document.body.append(frame);
});
</script><body></body></html>"""


class Site(http.server.ThreadingHTTPServer):
    """A business's site. page: what "/own" is. ask: how its own server learns of the person whose session
    it is; told: what it learnt, every time that its page asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Around)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.page, self.ask, self.told = "", None, []
        self.worker = threading.Thread(target=self.serve_forever, daemon=True)
        self.worker.start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        self.worker.join()


class Around(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        media_type, text = "text/html; charset=utf-8", AROUND
        if self.path == "/own":
            text = self.server.page
        if self.path == "/age-status":
            answer = requests.get(**self.server.ask, timeout=10)
            self.server.told.append(answer.json())
            media_type, text = "application/json", json.dumps(answer.json()["data"])
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        if self.path == "/quiet":
            self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


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
            "publishable_id": pair["publishable_id"], "server": stack.key(app, environment)["key"]}


def address(stack, keys, level="age_only", **more):
    return stack.url + "/embed?" + urlencode({
        "key": keys["publishable"], "external_id": "user_abc123", "level": level, "lang": "en", **more})


# ---- the person --------------------------------------------------------------------------------------

class Check:
    """A page of the shop with the check in it. What the server says to uploads and submissions is real, or
    played: uploads and submit are such answers, None for those that all goes well with."""

    def __init__(self, browser, around, url, path="/", uploads=None, submit=None, real=False, before=None):
        self.tab = browser.tab()
        if not real:
            self.play(uploads, submit)
        if before:
            self.tab.before(script=before)
        self.tab.goto(url=around + path + "#" + url.replace("%", "%25"))
        self.frame = Frame(self.tab, "embed")

    def play(self, uploads, submit):
        self.tab.play(address="**/v1/verify/uploads", answers=uploads or [
            {"status": 201, "body": {"data": {"uploadId": f"med_{i}", "expiresAt": "2099-01-01T00:00:00Z"}}}
            for i in range(1, 9)])
        self.tab.play(address="**/v1/verify/submit", answers=submit or [{"status": 201, "body": {"data": {
            "verificationId": VERIFICATION, "externalId": "user_abc123", "status": "pending"}}}])

    def told(self, kind):
        """The data of the messages of this type."""
        return [message["data"] for message in self.tab.messages() if message["type"] == kind]

    def waits_for(self, kind):
        return wait_for(lambda: self.told(kind), 15, 0.03)

    def played(self, name):
        return [request for request in self.tab.seen()["played"] if request["url"].endswith("/" + name)]

    def on_consent(self):
        self.frame.wait(selector="#screen.consent")
        self.frame.click(selector="#consent")
        self.frame.click(selector="#go")

    def on_document(self, person=None, **other):
        """The document and whose it is, with the judge's look at both."""
        person, judge = {**PERSON, **(person or {}), **other}, other.pop("judge", None)
        self.frame.wait(selector="#screen.document")
        self.frame.choose(selector="#country", value=person["country"])
        self.frame.choose(selector="#id_type", value=person["type"])
        self.frame.fill(selector="#id_number", text=person["number"])
        if judge:
            judge.look("document")
        self.frame.click(selector="#go")
        self.frame.wait(selector="#screen.person")
        day, month, year = person["birth"]
        for name, text in {"first_name": person["first"], "last_name": person["last"], "birth_day": day,
                           "birth_month": month, "birth_year": year}.items():
            self.frame.fill(selector="#" + name, text=text)
        if judge:
            judge.look("person")
        self.frame.click(selector="#go")

    def takes(self, step, judge=None):
        """With the camera: opened, taken, found good."""
        self.frame.wait(selector="#screen." + step)
        self.frame.click(selector="#go")
        self.frame.wait(selector="#live-picture")
        if judge:
            judge.look(step + "-live")
        self.frame.click(selector="#go")
        if step == "video":
            # One second of it is film enough.
            self.frame.waitText(text="seconds left")
            self.tab.pass_(seconds=4)
        self.frame.wait(selector=".shot[src]")
        if judge:
            judge.look(step + "-taken")
        self.frame.click(selector="#go")

    def gives(self, step, path):
        """With a file."""
        self.frame.wait(selector="#screen." + step)
        self.frame.give(selector="#file", path=str(path))

    def sends(self):
        self.frame.wait(selector="#screen.review")
        self.frame.click(selector="#go")

    def is_clean(self, allowed=()):
        """Nothing was logged, refused by the policy, or left behind in the browser."""
        seen = self.tab.seen()
        assert seen["faults"] == [] and seen["violations"] == []
        assert [line for line in seen["console"] if line.split(":")[0] in ("error", "warning")
                and not any(word in line for word in allowed)] == []
        assert self.frame.stored() == '[{},{},""]'


class Judge:
    """Looks at each step: no serious finding of axe; nothing too wide for a small phone; and pictures of it,
    when they are wanted. Where it is dark, looks at some of them, at all with BONAFIDE_LONG. Idle, where
    another test shows the same screens."""

    def __init__(self, check, shots, name, idle=False):
        self.check, self.shots, self.name, self.steps, self.idle = check, shots, name, 0, idle

    def look(self, step, dark=False):
        if self.idle and not self.shots:
            return
        self.steps += 1
        tab, frame = self.check.tab, self.check.frame
        for scheme, rules in (("dark", ["color-contrast"]), ("light", None)):
            if scheme == "dark" and not (dark or LONG or self.shots):
                continue
            tab.scheme(scheme=scheme)
            found = [rule for rule in frame.judge(rules=rules) if rule["impact"] in ("serious", "critical")]
            assert found == [], (step, scheme, found)
            for width in WIDTHS if self.shots else WIDTHS[:1]:
                tab.resize(width=width)
                assert frame.width() <= width, (step, width)
                if self.shots:
                    tab.shot(path=str(self.shots / f"{self.name}-{self.steps:02}-{step}-{width}-{scheme}.png"))
        tab.resize(width=390)


def png(path, width, height):
    """A grey picture."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress((b"\0" + b"\x99" * width) * height)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
                     + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path
