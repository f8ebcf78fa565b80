# SPDX-License-Identifier: Apache-2.0
"""Uploads by HTTP (contract/age.md): what is taken, what is refused, and what is on the disk then."""

import os

import pytest
import requests

from media import (PLACES, UNKNOWN, UPLOADS as PATH, Media, chunk, element, jpeg, png, upload,
                   webm)
from product import is_id, is_time, wait_for

MOST = 15 * 1024 * 1024


GOOD = {"png": ("image/png", png()), "jpeg": ("image/jpeg", jpeg()),
        "webm": ("video/webm", webm()),
        "webm as it is recorded": ("video/webm;codecs=vp9,opus", webm(size=UNKNOWN)),
        "a parameter that climbs": ("image/png; x=../../../etc/passwd", png())}
BAD = {
    "nothing": ("image/png", b""),
    "another type": ("image/png", jpeg()),
    "a page behind a picture": ("image/png", png() + b"<script>alert(1)</script>"),
    "an archive behind a photo": ("image/jpeg", jpeg() + b"PK\3\4" + b"\0" * 30),
    "something before": ("image/png", b"GIF89a" + png()),
    "a cut picture": ("image/png", png()[:-5]),
    "a picture without its content": ("image/png", png()[:33] + chunk(b"IEND", b"")),
    "a cut photo": ("image/jpeg", jpeg()[:-1]),
    "a photo that ends at once": ("image/jpeg", b"\xff\xd8\xff\xd9"),
    "a page": ("image/jpeg", b"<html></html>"),
    "any matroska": ("video/webm", webm(b"mkv4")),
    "a cut video": ("video/webm", webm(size=UNKNOWN)[:-2]),
    "a video longer than it says": ("video/webm", webm() + b"\xec\x80"),
    "a file in a video": ("video/webm", webm(size=UNKNOWN, extra=element("1941a469", b"MZ"))),
}


@pytest.fixture(scope="module")
def media(stack):
    return Media(stack)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken(media, name):
    before = media.files()
    answer = media.send(*GOOD[name])
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert list(data) == ["uploadId", "expiresAt"]
    assert is_id("med", data["uploadId"]) and is_time(data["expiresAt"])
    (path,) = set(media.files()) - set(before)
    assert media.stack.rows("SELECT media_type FROM media WHERE id = UNHEX(%s)", os.path.basename(path)) == (
        (GOOD[name][0].split(";")[0],),)
    # Two levels of directories and the id's digits: nothing of it is the client's.
    assert os.path.relpath(path, media.directory).count("/") == 2
    assert os.stat(path).st_mode & 0o7777 == 0o600 and os.stat(path).st_nlink == 1
    for directory in (os.path.dirname(path), os.path.dirname(os.path.dirname(path)), media.directory + "/new"):
        assert os.stat(directory).st_mode & 0o7777 == 0o700
    stored = open(path, "rb").read()
    assert stored.startswith(b"BFSF\1") and GOOD[name][1][-12:] not in stored


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(media, name):
    before = media.files()
    answer = media.send(*BAD[name])
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "Bad Request"
    assert media.files() == before


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "image/gif", "../etc/passwd"])
def test_other_types(media, media_type):
    before = media.files()
    assert media.send(media_type, png()).status_code == 415
    assert media.files() == before


def test_how_much(media):
    before = media.files()
    room = MOST - len(png(1)) + 1
    assert media.send("image/png", png(room)).status_code == 201
    assert len(media.files()) == len(before) + 1
    for body in (png(room + 1), (part for part in [png(room), b"x"])):  # announced, and in chunks
        assert media.send("image/png", body).status_code == 413
    assert len(media.files()) == len(before) + 1


def test_who_may(stack, media):
    assert stack.client("", "X-API-Key").call("POST", PATH, data=png()).status_code == 401
    assert media.secret.call("POST", PATH, data=png(),
                             headers={"Content-Type": "image/png"}).status_code == 201


def test_a_client_that_leaves(media):
    before = media.files()
    with media.begin(sent=200_000):
        wait_for(lambda: media.files() != before)
    wait_for(lambda: media.files() == before)


@pytest.mark.parametrize("place", PLACES)
def test_what_each_place_takes(media, place):
    """A picture for a video, or a video for a picture, is the caller's mistake, and nothing is taken."""
    names = list(PLACES)
    body = {"externalId": "places-" + place, "level": "full_kyc", "consent": True,
            "uploads": {name: upload(media.public, name) for name in names}, "document": {
                "country": "DE", "type": "national_id", "number": "L01X00T47", "firstName": "Erika",
                "lastName": "Mustermann", "dateOfBirth": "1990-05-15"}}
    right = body["uploads"][place]
    body["uploads"][place] = upload(media.public, "selfie" if place == "video" else "video")
    answer = media.public.post("/v1/verify/submit", body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error", "correlationId"]
    assert answer.json()["error"] == "Bad Request"
    body["uploads"][place] = right
    answer = media.public.post("/v1/verify/submit", body)
    assert answer.status_code == 201, answer.text


def show(media, upload_id, params):
    return media.stack.client().call("GET", f"/media/{upload_id}", params=params)


def test_a_link(media):
    content = png(3_000_000)
    made = media.send("image/png", content).json()["data"]["uploadId"]
    other = media.send("image/png", png()).json()["data"]["uploadId"]
    params = media.link(made)
    answer = show(media, made, params)
    assert answer.status_code == 200 and answer.content == content
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
        "sandbox allow-same-origin")
    assert answer.headers["Content-Disposition"] == "inline"
    (row,) = media.stack.rows("SELECT COUNT(*) FROM audit WHERE action = 'media.read'")
    assert row[0] >= 1
    for name, wrong in ((made, {}), (other, params), (made, media.link(made, -1)),
                        (made, params | {"exp": str(int(params["exp"]) + 1)}),
                        (made, params | {"sig": "0" * 64}), ("med_x", params),
                        ("med_..%2fpepper", params)):
        assert show(media, name, wrong).status_code == 404, (name, wrong)


def test_a_path_that_climbs(media):
    """The web server itself refuses it: no family's words."""
    assert requests.get(f"{media.stack.url}/media/..%2f..%2fpepper", timeout=10).status_code in (
        400, 404)


def test_memory_stays(media):
    """However much is sent and shown, no worker holds it. What other tests' passwords took does not
    count: the peaks begin anew (proc(5), clear_refs)."""
    content = png(MOST - len(png(1)) + 1)
    parent = media.stack.pid("pool")
    children = open(f"/proc/{parent}/task/{parent}/children", encoding="ascii").read().split()
    for child in children:
        with open(f"/proc/{child}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    made = media.send("image/png", content).json()["data"]["uploadId"]
    assert show(media, made, media.link(made)).content == content
    peaks = [int(line.split()[1]) for child in children
             for line in open(f"/proc/{child}/status", encoding="ascii")
             if line.startswith("VmHWM")]
    assert peaks and max(peaks) < 16 * 1024, peaks
