# SPDX-License-Identifier: Apache-2.0
"""Countries, ID types and number patterns (reference A8), as data.

Smile's public list has eight countries for look-up by ID number and no others. Senegal appears on
it for document images only and Morocco not at all, so both are refused here: a client that sends
them is asking for something the provider does not publish.
"""

import collections
import re

COUNTRIES = {
    "CI": "Cote d'Ivoire", "GH": "Ghana", "KE": "Kenya", "NG": "Nigeria", "UG": "Uganda",
    "ZA": "South Africa", "ZM": "Zambia", "ZW": "Zimbabwe",
}

# extra: fields a submission must carry beyond the common ones. basic_extra: only for Basic KYC.
# advised: fields an old services listing named (A8 source F) that current pages do not; they are
# published in the services answer but not enforced. number: False when another field stands in.
IdType = collections.namedtuple(
    "IdType", "country code label pattern test extra basic_extra advised number")

_ANY = r".+"   # A8 says "not found": any number that is not empty will do


def _row(country, code, pattern, test, extra="", basic_extra="", advised="", number=True):
    label = code.replace("_", " ").title()
    return IdType(country, code, label, re.compile(pattern, re.ASCII), test, tuple(extra.split()),
                  tuple(basic_extra.split()), tuple(advised.split()), number)


# The patterns are those of A8; where it gives a case-insensitive one, (?i) opens it.
_ROWS = (
    _row("CI", "NATIONAL_ID_NO_PHOTO", r"[0-9]{11}", "00000000000"),
    _row("CI", "RESIDENT_ID_NO_PHOTO", _ANY, "00000000000"),           # code inferred
    # A number alone cannot satisfy GHANA_CARD: it needs a selfie, so it is refused as incomplete.
    _row("GH", "GHANA_CARD", r"(?i)[A-Z]{3}-?\d{9}-?\d", "GHA-000000000-0", extra="selfie"),
    _row("GH", "GHANA_CARD_NO_PHOTO", r"(?i)[A-Z]{3}-?\d{9}-?\d", "GHA-000000000-0"),  # inferred
    _row("GH", "NATIONAL_ID", r"GHA-[A-Z0-9]{9}-[A-Z0-9]{1}", "GHA-000000000-0"),
    _row("GH", "PASSPORT", r"(?i)[A-Z]{1,2}[0-9]{6,7}", "G0000000"),
    _row("GH", "SSNIT", r"(?i)[a-zA-Z]{1}[a-zA-Z0-9]{12,14}", "C000000000000"),
    _row("GH", "VOTER_ID", r"[0-9]{10,12}", "0000000000"),
    _row("GH", "NEW_VOTER_ID", r"[0-9]{10,12}", "0000000000"),
    _row("GH", "DRIVERS_LICENSE", r"(?i)[a-zA-Z0-9!-]{6,18}", "B0000000"),
    _row("KE", "ALIEN_CARD", r"[0-9]{6,9}", "000000"),
    _row("KE", "KRA_PIN", r"[0-9]{1,9}", "00000000", advised="citizenship"),
    _row("KE", "NATIONAL_ID", r"[0-9]{1,9}", "00000000"),
    _row("KE", "NATIONAL_ID_NO_PHOTO", r"[0-9]{1,9}", "00000000"),
    _row("KE", "PASSPORT", r"[A-Z0-9]{7,9}", "A00000000"),
    _row("KE", "TAX_INFORMATION", r"[Aa]\d{9}[a-zA-Z]", "A000000000A"),
    _row("KE", "DRIVERS_LICENSE", r"[0-9]{1,9}", "00000000", advised="citizenship"),
    _row("NG", "BANK_ACCOUNT", r"[0-9]{10}", "0000000000", extra="bank_code"),
    _row("NG", "BVN", r"[0-9]{11}", "00000000000", basic_extra="first_name last_name"),
    _row("NG", "BVN_MFA", r"[0-9]{11}", "00000000000", extra="session_id", number=False),
    _row("NG", "NIN", r"[0-9]{11}", "00000000000"),
    _row("NG", "NIN_V2", r"[0-9]{11}", "00000000000"),
    _row("NG", "NIN_SLIP", r"[0-9]{11}", "00000000000"),
    _row("NG", "V_NIN", r"[a-zA-Z0-9]{16}", "0000000000000000"),
    _row("NG", "PHONE_NUMBER", r"[0-9]{11}", "00000000000", extra="first_name last_name"),
    _row("NG", "VOTER_ID", r"(?i)[a-zA-Z0-9 ]{9,29}", "0000000000000000000"),
    _row("NG", "DRIVERS_LICENSE", r"(?i)[a-zA-Z]{3}([ -]{1})?[A-Z0-9]{6,12}", "ABC000000000",
         extra="first_name last_name dob"),
    _row("NG", "PASSPORT", _ANY, "A00000000", extra="first_name last_name dob"),
    _row("UG", "NATIONAL_ID_NO_PHOTO", r"(?i)[A-Z0-9]{14}", "00000000000000",
         basic_extra="dob secondary_id_number"),
    _row("ZA", "NATIONAL_ID", r"[0-9]{13}", "0000000000000"),
    _row("ZA", "NATIONAL_ID_NO_PHOTO", r"[0-9]{13}", "0000000000000"),
    _row("ZA", "PHONE_NUMBER", r"[0-9]{10}", "0000000000"),
    _row("ZM", "TPIN", r"[0-9]{10}", "0000000000"),
    _row("ZM", "BANK_ACCOUNT", _ANY, "0000000000000", extra="bank_code"),
    _row("ZW", "NATIONAL_ID_NO_PHOTO", r"[0-9]{8,9}[A-Za-z]\d{2}", "000000000A00"),
)

TABLE = {(row.country, row.code): row for row in _ROWS}

BANKS = (("Sample Bank One", "001"), ("Sample Bank Two", "002"), ("Sample Bank Three", "003"))

_COMMON = ("country", "id_type", "id_number", "user_id", "job_id")


def required_fields(row, basic=False):
    extra = row.extra + (row.basic_extra if basic else ()) + row.advised
    return list(_COMMON) + [name for name in dict.fromkeys(extra)]


def _hosted(basic):
    """One product's listing in the shape of A8, by country and then type."""
    listing = {}
    for row in _ROWS:
        entry = listing.setdefault(row.country, {"name": COUNTRIES[row.country], "id_types": {}})
        kind = {"label": row.label, "required_fields": required_fields(row, basic),
                "id_number_regex": f"^{row.pattern.pattern.replace('(?i)', '')}$"}
        if row.code != "BANK_ACCOUNT":
            kind["test_data"] = row.test
        entry["id_types"][row.code] = kind
    return listing


def services_v1():
    """The answer of GET /v1/services (A8)."""
    plain = {}
    for row in _ROWS:
        plain.setdefault(row.country, {})[row.code] = required_fields(row)
    return {
        "bank_codes": [{"name": name, "code": code} for name, code in BANKS],
        "hosted_web": {"basic_kyc": _hosted(True), "biometric_kyc": {},
                       "enhanced_kyc": _hosted(False), "doc_verification": {},
                       "enhanced_document_verification": {}, "ekyc_smartselfie": {}},
        "id_types": plain,
    }


def supported_v3(country):
    """The answer of GET /v3/services/supported_id_types (B6), for one country or for all."""
    rows = [row for row in _ROWS if country in (None, row.country)]
    return {"id_types": [
        {"country": row.country, "type": row.code, "label": row.label,
         "regex": f"^{row.pattern.pattern.replace('(?i)', '')}$",
         "required_fields": required_fields(row)} for row in rows]}
