# SPDX-License-Identifier: Apache-2.0
"""The page /reference in a browser, through nginx and through Apache: it shows every operation, sends
what the visitor tries, remembers nothing, and never turns to another host. The screenshots are in the
test's own directory, or in BONAFIDE_SHOTS."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from product import Stack

TOP = Path(__file__).resolve().parents[2]
VISITOR = TOP / "tests/lib/reference"
NO_NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ETIMEDOUT")
WRONG_KEY = "dme_sandbox_nobody"
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "connect-src": "'self'",
    "img-src": "'self' data:", "font-src": "'self'", "style-src": "'self' 'unsafe-inline'",
    "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
METHODS = ("get", "put", "post", "patch", "delete")


def run(*argv, **more):
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False,
                          timeout=300, **more)


def needs_npm(done):
    """The end of a program that npm was part of: not without a network."""
    if done.returncode != 0 and any(word in done.stderr for word in NO_NETWORK):
        pytest.skip("the package registry cannot be reached")
    assert done.returncode == 0, done.stderr


# ---- the page, the stacks, and a visit to each -------------------------------------------------------

@pytest.fixture(scope="module")
def build():
    """A build that has the page."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing; the page cannot be built")
    places = [os.environ.get("BONAFIDE_BUILD"), TOP / ".build", TOP]
    place = next((Path(place) for place in places if place and (Path(place) / "Makefile").exists()),
                 None)
    assert place, "there is no build: configure first, or name one in BONAFIDE_BUILD"
    needs_npm(run("make", "-C", place, "www"))
    return place


@pytest.fixture(scope="module")
def stacks(build):
    """web server -> a stack behind it; both have one database."""
    with Stack("--no-batch", web="nginx") as first:
        with Stack("--db-of", str(first.dir), "--no-batch", web="apache") as second:
            yield {"nginx": first, "apache": second}


@pytest.fixture(scope="module", params=("nginx", "apache"))
def web(request, stacks):
    return stacks[request.param]


@pytest.fixture(scope="module")
def visitor(tmp_path_factory):
    """visit.mjs with the package of its lock file, in a directory of its own."""
    if not shutil.which("chromium"):
        pytest.skip("chromium is missing; nobody can look at the page")
    place = tmp_path_factory.mktemp("reference")
    for name in ("package.json", "package-lock.json", "visit.mjs"):
        shutil.copy(VISITOR / name, place)
    needs_npm(run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=place,
                  env={**os.environ, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}))
    return place / "visit.mjs"


@pytest.fixture(scope="module")
def visit(web, visitor, tmp_path_factory):
    """What somebody saw there. Behind nginx he looked at everything."""
    shots = Path(os.environ.get("BONAFIDE_SHOTS") or tmp_path_factory.mktemp("shots"), web.web)
    shots.mkdir(parents=True, exist_ok=True)
    made = web.sandbox.post("/v1/kyc/sandbox/verify", {
        "id_type": "national_id", "country": "SN", "id_number": "1234567890123", "first_name": "Amara",
        "last_name": "Diallo", "date_of_birth": "1990-05-15", "external_ref": "seen-" + web.web})
    assert made.status_code == 200, made.text
    told = {"url": web.url, "key": web.env["BONAFIDE_SANDBOX_KEY"], "wrongKey": WRONG_KEY,
            "chromium": shutil.which("chromium"), "root": os.geteuid() == 0, "shots": str(shots),
            "whole": web.web == "nginx"}
    done = run("node", visitor, json.dumps(told))
    assert done.returncode == 0, f"{done.stderr}\n(a screenshot is in {shots})"
    return json.loads(done.stdout)


WHOLE = pytest.mark.parametrize("web", ["nginx"], indirect=True)


# ---- the page as it is served ------------------------------------------------------------------------

def policy(answer):
    return dict(rule.strip().split(" ", 1)
                for rule in answer.headers["Content-Security-Policy"].split(";"))


@pytest.mark.parametrize("path, kind", (
    ("", "text/html; charset=utf-8"), ("/", "text/html; charset=utf-8"),
    ("/reference.js", "text/javascript; charset=utf-8"),
    ("/reference.css", "text/css; charset=utf-8"), ("/favicon.svg", "image/svg+xml")))
def test_files_of_ours(web, path, kind):
    answer = requests.get(web.url + "/reference" + path, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    assert policy(answer) == POLICY
    wanted = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
              "X-Frame-Options": "DENY", "Cache-Control": "no-cache"}
    assert {name: answer.headers[name] for name in wanted} == wanted
    assert answer.headers["Permissions-Policy"].startswith("camera=()")
    assert answer.headers["X-Request-Id"].startswith("req_")
    again = requests.get(web.url + "/reference" + path, timeout=10,
                         headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def bundle(web):
    script = requests.get(web.url + "/reference/reference.js", timeout=10).text
    return script.split("import('")[1].split("'")[0]


def test_bundle_is_packed_and_kept(web):
    path = bundle(web)
    version = json.loads((TOP / "app/www/reference/package.json").read_text()
                         )["dependencies"]["@scalar/api-reference"]
    assert path == f"/reference/assets/scalar-{version}/standalone.esm.js"
    answer = requests.get(web.url + path, timeout=10)
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert policy(answer) == POLICY
    assert "sourceMappingURL" not in answer.text[-200:]


@pytest.mark.parametrize("method, path, status, code", (
    ("GET", "/reference/absent.html", 404, "NOT_FOUND"), ("GET", "/reference/assets/", 404, "NOT_FOUND"),
    ("GET", "/reference/assets/scalar-0/standalone.esm.js", 404, "NOT_FOUND"),
    ("GET", "/references", 404, "NOT_FOUND"), ("POST", "/reference", 405, "METHOD_NOT_ALLOWED")))
def test_what_there_is_not(web, method, path, status, code):
    answer = requests.request(method, web.url + path, timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert status != 405 or answer.headers["Allow"].startswith("GET, HEAD")


# ---- the page as it is seen ---------------------------------------------------------------------------

def test_nothing_goes_wrong(visit):
    """No fault of a script, nothing the policy had to stop; the console knows of the wrong key only."""
    assert visit["faults"] == []
    assert visit["violations"] == []
    bad = [line for line in visit["console"] if line.split(":")[0] in ("error", "warning")]
    assert bad == ["error: Failed to load resource: the server responded with a status of 401 "
                   "(Unauthorized)"]


def test_no_other_host(web, visit):
    hosts = {urlsplit(request["url"]).netloc for request in visit["requests"]
             if not request["url"].startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(web.url).netloc}


def test_every_operation_is_listed(web, visit):
    document = requests.get(web.url + "/openapi", timeout=10).json()
    assert (visit["title"], visit["heading"]) == ("Bonafide API reference", document["info"]["title"])
    wanted = {(f"{method.upper()}{path}", operation["summary"])
              for path, item in document["paths"].items()
              for method, operation in item.items() if method in METHODS}
    assert len(wanted) > 30
    listed = {("/".join(item["to"].split("/")[2:]), item["text"].split("\n")[0])
              for item in visit["listed"]}
    assert wanted - listed == set()


def test_try_it(web, visit):
    """The wrong key is told so; with the right one the list comes, and a verification is made."""
    answers = visit["answers"]
    assert (answers["wrong"]["status"], json.loads(answers["wrong"]["body"])["error"]["code"]) \
        == (401, "UNAUTHORIZED")
    assert "Missing or invalid API key." in answers["wrong"]["screen"]
    assert answers["list"]["status"] == 200
    assert "seen-" + web.web in answers["list"]["screen"]
    made = json.loads(answers["verify"]["body"])["data"]
    assert (answers["verify"]["status"], made["status"]) == (200, "approved")
    assert made["id"] in answers["verify"]["screen"]
    assert web.sandbox.get("/v1/kyc/verifications/" + made["id"]).json()["data"] == made
    keys = [request["bearer"] for request in visit["requests"] if request["bearer"]]
    right = "Bearer " + web.env["BONAFIDE_SANDBOX_KEY"]
    assert keys == ["Bearer " + WRONG_KEY, right, right]


def test_what_may_be_left_out_is_not_sent(visit):
    """But for what has a default: a list must not be filtered before the visitor says so."""
    ticked = {name.split()[1] for name, on in visit["boxes"].items() if on}
    assert ticked - {"accept"} == {"limit"}
    assert "Include status in request" in visit["boxes"]


def test_nothing_is_remembered(web, visit):
    assert visit["remembered"] == ""
    for text in (WRONG_KEY, web.env["BONAFIDE_SANDBOX_KEY"], "Diallo", "ver_"):
        assert text not in visit["stored"]


@WHOLE
def test_key_in_the_other_header(web, visit):
    assert visit["answers"]["header"]["status"] == 200
    assert [request["apiKey"] for request in visit["requests"] if request["apiKey"]] \
        == [web.env["BONAFIDE_SANDBOX_KEY"]]


@WHOLE
def test_languages_of_the_samples(web, visit):
    assert visit["languages"].split("\n") == [
        "Node.js", "Fetch", "undici", "PHP", "cURL", "Guzzle", "Python", "Requests", "HTTPX (Sync)",
        "Shell", "Curl"]
    assert '"shell/curl"' in visit["stored"]


@WHOLE
def test_phone(web, visit):
    """Nothing stands out to the right, and who likes it dark has it dark."""
    phone = visit["phone"]
    assert phone["width"] == 390
    assert max(int(part) for part in phone["colour"].strip("rgba()").split(", ")[:3]) < 40


# ---- the build ----------------------------------------------------------------------------------------

def test_install_and_uninstall(build, tmp_path):
    for target in ("install-data-local", "uninstall-local"):
        done = run("make", "-C", build, target, f"DESTDIR={tmp_path}", "wwwdir=/www")
        assert done.returncode == 0, done.stderr
        files = {str(path.relative_to(tmp_path / "www/reference"))
                 for path in tmp_path.rglob("*") if path.is_file()}
        if target == "install-data-local":
            assert {"index.html", "reference.js", "reference.css", "favicon.svg"} < files
            assert any(name.endswith("/standalone.esm.js") for name in files)
            assert all(name.startswith("assets/scalar-") or "/" not in name for name in files)
            assert not any(name.endswith(".map") for name in files)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder, package", (
    (TOP / "app/www/reference", "@scalar/api-reference"), (VISITOR, "playwright-core")))
def test_lock_files_name_no_host(folder, package):
    lock = json.loads((folder / "package-lock.json").read_text())
    packages = {name: row for name, row in lock["packages"].items() if name}
    assert list(packages) == ["node_modules/" + package]
    assert all("resolved" not in row and row["integrity"].startswith("sha512-")
               for row in packages.values())
