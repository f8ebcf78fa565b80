# SPDX-License-Identifier: Apache-2.0
"""Access tokens from outside (contract/accounts.md): software of others verifies ours with the published
keys, and nothing that others make is taken for one of ours."""

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from accounts import account_login, account_register
from product import Client

ME = "/auth/v2/organizations/me/"
WRONG_TOKEN = {"detail": "Invalid or expired token."}
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def person(stack):
    return account_register(stack)


@pytest.fixture(scope="module")
def token(person):
    return person["access_token"]


@pytest.fixture(scope="module")
def published(stack):
    """The JWK that the token names."""
    return {key["kid"]: key for key in stack.client().get("/.well-known/jwks.json").json()["keys"]}


def b64(data):
    data = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header_of(token):
    return jwt.get_unverified_header(token)


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def signed(header, claims, sign):
    text = f"{b64(header)}.{b64(claims)}"
    return f"{text}.{b64(sign(text.encode()))}"


def hmac_with(secret, digest=hashlib.sha256):
    return lambda text: hmac.new(secret, text, digest).digest()


def by_foreign_key(text):
    return jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(text, FOREIGN)


def refused(stack, token):
    answer = stack.client(token).get(ME)
    assert (answer.status_code, answer.json()) == (401, WRONG_TOKEN), token
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


# ---- ours -------------------------------------------------------------------------------------------


def test_others_verify_our_tokens(stack, token, published):
    header = header_of(token)
    assert header == {"alg": "RS256", "typ": "JWT", "kid": header["kid"]}
    key = jwt.PyJWK.from_dict(published[header["kid"]])
    claims = jwt.decode(token, key.key, algorithms=["RS256"], audience="bonafide",
                        issuer=claims_of(token)["iss"],
                        options={"require": ["iss", "aud", "sub", "sid", "jti", "iat", "exp"]})
    assert set(claims) == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert claims["exp"] - claims["iat"] == 86400
    assert abs(claims["iat"] - time.time()) < 60
    assert all(str(uuid.UUID(claims[name])) == claims[name] for name in ("sub", "sid", "jti"))
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, FOREIGN.public_key(), algorithms=["RS256"], audience="bonafide")


def test_each_token_is_another(stack, person):
    first, second = (claims_of(account_login(stack, person["email"])["access_token"])
                     for _ in range(2))
    assert first["sub"] == second["sub"]
    assert first["jti"] != second["jti"] and first["sid"] != second["sid"]


def test_the_key_set(stack):
    answer = stack.client().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}
        assert (key["kty"], key["use"], key["alg"], key["e"]) == ("RSA", "sig", "RS256", "AQAB")
        assert jwt.PyJWK.from_dict(key).key.key_size == 2048
    assert stack.client().get("/auth/v2/.well-known/jwks.json").json() == answer.json()
    assert stack.client().call("POST", "/.well-known/jwks.json").headers["Allow"] == "GET, HEAD, OPTIONS"


def test_the_rest_of_well_known_is_the_web_servers(stack):
    answer = stack.client().get("/.well-known/acme-challenge/token")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "There is nothing at this path."


# ---- not ours ---------------------------------------------------------------------------------------


def test_the_token_itself_is_taken(stack, token):
    assert stack.client(token).get(ME).status_code == 200


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
def test_no_algorithm(stack, token, alg):
    header = {**header_of(token), "alg": alg}
    claims = claims_of(token)
    refused(stack, f"{b64(header)}.{b64(claims)}.")
    refused(stack, f"{b64(header)}.{b64(claims)}")
    refused(stack, f"{b64(header)}.{b64(claims)}." + token.split(".")[2])


@pytest.mark.parametrize("alg,digest", [("HS256", hashlib.sha256), ("HS384", hashlib.sha384),
                                        ("HS512", hashlib.sha512), ("RS256", hashlib.sha256)])
def test_the_public_key_as_a_secret(stack, token, published, alg, digest):
    """RFC 8725 section 2.1, in each form in which somebody may have the key."""
    jwk = published[header_of(token)["kid"]]
    public = jwt.PyJWK.from_dict(jwk).key
    forms = [json.dumps(jwk).encode(), json.dumps(jwk, separators=(",", ":")).encode(),
             jwk["n"].encode(), base64.urlsafe_b64decode(jwk["n"] + "=="), b""]
    forms += [public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
              for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)]
    forms += [forms[-2].rstrip(b"\n")]
    for secret in forms:
        refused(stack, signed({**header_of(token), "alg": alg}, claims_of(token),
                              hmac_with(secret, digest)))


def test_a_foreign_key_under_our_name(stack, token):
    refused(stack, signed(header_of(token), claims_of(token), by_foreign_key))


def test_a_foreign_key_under_its_own_name(stack, token):
    for kid in (str(uuid.uuid4()), "", "x" * 65, "../../../etc/passwd", "' OR 1=1 --", None, 7,
                ["x"], {}):
        refused(stack, signed({**header_of(token), "kid": kid}, claims_of(token), by_foreign_key))
    header = header_of(token)
    del header["kid"]
    refused(stack, signed(header, claims_of(token), by_foreign_key))


def test_a_key_that_the_token_brings_along(stack, token):
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(FOREIGN.public_key()))
    for more in ({"jwk": jwk}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/x"},
                 {"x5c": ["AAAA"]}):
        refused(stack, signed({**header_of(token), **more}, claims_of(token), by_foreign_key))


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "ES256"])
def test_other_algorithms(stack, token, alg):
    key = ec.generate_private_key(ec.SECP256R1()) if alg == "ES256" else FOREIGN
    refused(stack, jwt.encode(claims_of(token), key, alg, headers={"kid": header_of(token)["kid"]}))


@pytest.mark.parametrize("change", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]},
                                    {"typ": "JOSE"}, {"extra": 1}, {"alg": "rs256"}])
def test_a_changed_header(stack, token, change):
    head, body, signature = token.split(".")
    refused(stack, f"{b64({**header_of(token), **change})}.{body}.{signature}")


def test_changed_claims(stack, token):
    head, _, signature = token.split(".")
    claims = claims_of(token)
    for change in ({"sub": str(uuid.uuid4())}, {"exp": claims["exp"] + 1}, {"role": "owner"}):
        refused(stack, f"{head}.{b64({**claims, **change})}.{signature}")


def test_a_changed_signature(stack, token):
    head, body, signature = token.split(".")
    refused(stack, f"{head}.{body}.{b64(secrets.token_bytes(256))}")
    refused(stack, f"{head}.{body}.{b64(bytes(256))}")
    refused(stack, f"{head}.{body}.{signature[:-2]}")
    refused(stack, f"{head}.{body}.{signature}AA")
    refused(stack, f"{head}.{body}.")


def test_things_that_are_no_token(stack, token):
    for text in ("x", "a.b.c", ".", "..", "...", token + ".", "." + token, token + "=", token[:-1],
                 "e30.e30.e30", "A" * 4000, token.replace(".", ",")):
        refused(stack, text)


def test_a_token_that_is_far_too_long(stack):
    """Longer than any header we read: the request is not looked at, whatever it asks for."""
    answer = Client(stack.url, "A" * 6000).get(ME)
    assert answer.status_code == 400 and "too long" in answer.text


# ---- keys are not tokens, and tokens not keys --------------------------------------------------------


def test_keys_are_not_tokens(stack, person):
    refused(stack, stack.env["BONAFIDE_LIVE_KEY"])
    refused(stack, person["application"]["api_key"])


def test_tokens_are_not_keys(stack, token):
    assert stack.client(token).get("/v1/kyc/verifications").status_code == 401
    assert stack.client(token, "X-API-Key").get("/v1/kyc/verifications").status_code == 401
    assert stack.client(token, "X-API-Key").get(ME).status_code == 401
