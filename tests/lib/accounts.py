# SPDX-License-Identifier: Apache-2.0
"""People for tests: registering, reading the code that was mailed, logging in."""

import re
import secrets

from mail import mails
from product import wait_for

BASE = "/auth/v2/programmatic"
PASSWORD = "MyStr0ng!Pass"


def new_address():
    return f"person.{secrets.token_hex(6)}@company.example"


def letters(stack, to):
    """The mails to an address, in the order in which they came."""
    return mails(stack, to)


def code_in(letter):
    """The code on a line of its own, or None."""
    found = re.search(r"^\s*([A-Z0-9]{6})\s*$", letter.get_content(), re.M)
    return found and found.group(1)


def codes(stack, to, count=1):
    """The codes mailed to an address, once there are so many."""
    def look():
        found = [code for code in map(code_in, letters(stack, to)) if code]
        return found if len(found) >= count else None
    found = wait_for(look, 30)
    assert found, f"{count} codes were not mailed to {to}"
    return found


def register(stack, address, password=PASSWORD, **more):
    return stack.client().post(BASE + "/register/",
                               {"email": address, "password": password, **more})


def verify(stack, address, code):
    return stack.client().post(BASE + "/verify-email/", {"email": address, "code": code})


def login(stack, address, password=PASSWORD):
    return stack.client().post(BASE + "/login/", {"email": address, "password": password})


def account_register(stack, email=None, password=PASSWORD):
    """Somebody new, logged in: email, password, and what verify-email answers."""
    address = email or new_address()
    answer = register(stack, address, password)
    assert answer.status_code in (200, 201), answer.text
    answer = verify(stack, address, codes(stack, address)[-1])
    assert answer.status_code == 200, answer.text
    return {"email": address, "password": password, **answer.json()}


def account_login(stack, email, password=PASSWORD):
    answer = login(stack, email, password)
    assert answer.status_code == 200, answer.text
    return answer.json()
