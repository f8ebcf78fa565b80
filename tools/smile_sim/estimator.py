# SPDX-License-Identifier: Apache-2.0
"""An age estimator for a development system; nothing of Smile ID's. Its wire is the one of the age
family (app/core/age_estimate.h): a picture comes in, and its age in years goes out.

It sees no faces. A picture says of itself how old its person is: "age=17.5" anywhere in its bytes, as
in a JPEG comment or a PNG text; "age=none" is one without a face, which is refused. Any other picture,
such as one of a real camera, is of somebody who is 30."""

import re

from .reply import Reply

_STARTS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
_SAYS = re.compile(rb"age=(none|\d{1,3}(?:\.\d{1,3})?)(?![\d.])")
_AGE, _SAMPLES = 30.0, 5


def _refuse(status, text):
    return Reply(status, {"error": text}, code=f"http-{status}", reason=text)


async def estimate(call):
    start = _STARTS.get(call.media)
    if start is None:
        return _refuse(415, "send image/jpeg or image/png")
    if not call.raw.startswith(start):
        return _refuse(400, f"this is no {call.media}")
    said = _SAYS.search(call.raw)
    if said is not None and said[1] == b"none":
        return _refuse(422, "there is no face in the picture")
    age = _AGE if said is None else float(said[1])
    return Reply(200, {"age": age, "samples": _SAMPLES}, code=f"age-{age:g}")
