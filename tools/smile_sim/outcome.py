# SPDX-License-Identifier: Apache-2.0
"""Which legacy result a submission gets (A10), and the JSON of that result (A4, A5)."""

from . import signing

# A5; 0812 is one of its provisional codes and stands for "not final yet" here.
TEXTS = {
    "1012": "ID Number Validated", "1013": "Unable to Validate ID",
    "1014": "Error - Unsupported ID number format",
    "1015": "Error - Queried Database Unavailable", "1016": "Error - Need to Activate Product",
    "1020": "Exact Match", "1021": "Partial Match", "1022": "No Match", "1023": "Not Found",
    "0810": "Provisional Result", "0812": "Provisional Result - Under Review",
}
PROVISIONAL = "0812"
_APPROVED = ("1012", "1020", "1021", "1022")     # the number was found

# Verify_ID_Number by code (A4, inferred pairs); anything else is "Not Done".
_NUMBER_ACTION = {"1013": "Not Verified", "1023": "Not Verified", "1015": "Issuer Unavailable",
                  "0812": "Under Review", **{code: "Verified" for code in _APPROVED}}

# A10's canned person. Parts in the order first, middle, last; FullName as A4's example has it.
PERSON = {"names": ("joe", "doe", "leo"), "FullName": "Leo Doe Joe", "DOB": "2000-09-20",
          "Gender": "Male", "PhoneNumber": "0123456789"}

# Result keys that a digit-4 submission may set through partner_params.
_CUSTOM = ("FullName", "DOB", "Gender", "PhoneNumber", "PhoneNumber2", "Address", "ExpirationDate",
           "Document", "Photo", "FirstName", "LastName", "OtherNames", "IssuanceDate", "IsAlive",
           "Secondary_ID_Number")

_SANDBOX_RESULT = {"0": "1012", "1": "1013", "2": PROVISIONAL}


def last_digit(number):
    """The last decimal digit anywhere in it: some kinds of number end in a letter."""
    return next((char for char in reversed(number) if char.isdigit()), "")


def choose_code(world, number_key, partner_params):
    """The ResultCode of a well-formed submission, before faults and Basic KYC's comparison.

    Digits 5 to 9 are real numbers to the sandbox, which knows none: 1013 (inferred)."""
    wanted = partner_params.get("sandbox_result")
    if wanted in _SANDBOX_RESULT:
        return _SANDBOX_RESULT[wanted]
    digit = last_digit(number_key[2])
    if digit == "3":
        limit = world.settings.unavailable_times
        if limit and world.unavailable[number_key] >= limit:
            return "1012"
        world.unavailable[number_key] += 1
        return "1015"
    return {"0": "1012", "2": "1014", "4": "1012"}.get(digit, "1013")


def _custom(doc):
    """What a digit-4 submission puts in the place of the canned person's data (A10)."""
    if last_digit(doc.get("id_number", "")) != "4":
        return {}
    params = doc["partner_params"]
    return {key: params[key] for key in _CUSTOM if key in params}


def compare(doc):
    """Basic KYC: the match values for Names, DOB, Gender and Phone_Number (A4, D).

    The same name parts in other places are Transposed; some of them are a Partial Match."""
    custom = _custom(doc)
    person_names = (tuple(custom["FullName"].casefold().split()) if "FullName" in custom
                    else PERSON["names"])
    given = tuple(" ".join(doc.get(key, "") for key in ("first_name", "middle_name", "last_name"))
                  .casefold().split())
    if given == person_names:
        names = "Exact Match"
    elif sorted(given) == sorted(person_names):
        names = "Transposed"
    else:
        names = "Partial Match" if set(given) & set(person_names) else "No Match"

    def field(key, want):
        if not doc.get(key):
            return "Not Provided"
        return "Exact Match" if doc[key] == want else "No Match"

    gender = custom.get("Gender", PERSON["Gender"])[:1].upper()
    return {"Names": names, "DOB": field("dob", custom.get("DOB", PERSON["DOB"])),
            "Gender": field("gender", gender),
            "Phone_Number": field("phone_number", custom.get("PhoneNumber", PERSON["PhoneNumber"]))}


def judge(match):
    """1020, 1021 or 1022. Names and date of birth decide whether anything matched at all (a
    gender alone says nothing); every field that was given must agree for an exact match."""
    if match["Names"] == "No Match" and match["DOB"] != "Exact Match":
        return "1022"
    if match["Names"] == "Exact Match" and "No Match" not in match.values():
        return "1020"
    return "1021"


def build(world, doc, code, basic):
    """The A4 object, unsigned, for a submission and the code chosen for it."""
    actions = {"Verify_ID_Number": _NUMBER_ACTION.get(code, "Not Done")}
    if basic:
        actions["Return_Personal_Info"] = "Not Applicable"
        match = compare(doc)
        if code == "1012":
            code = judge(match)
            actions.update(match)
            actions["ID_Verification"] = TEXTS[code]
    else:
        actions["Return_Personal_Info"] = "Returned" if code == "1012" else "Not Returned"
    result = {
        "JSONVersion": "1.0.0", "SmileJobID": world.smile_job_id(),
        "PartnerParams": doc["partner_params"],
        "ResultType": "Identity Verification" if basic else "ID Verification",
        "ResultText": TEXTS.get(code, "Unknown"), "ResultCode": code,
        "IsFinalResult": "false" if code == PROVISIONAL else "true", "Actions": actions,
    }
    if not basic:
        result.update(_personal(doc, code))
    result["Source"] = "ID API"
    return result


def _personal(doc, code):
    """Enhanced KYC's data about the person; "Not Available" is how the provider says nothing."""
    keys = ("ExpirationDate", "FullName", "DOB", "Photo", "PhoneNumber", "PhoneNumber2",
            "Document", "Gender", "Address")
    info = {"Country": doc["country"], "IDType": doc["id_type"],
            "IDNumber": doc.get("id_number", "Not Available"),
            **{key: "Not Available" for key in keys}, "FullData": {}}
    if code != "1012":
        return info
    info.update({key: PERSON[key] for key in ("FullName", "DOB", "Gender", "PhoneNumber")})
    if doc["country"] == "ZW":       # A4: Zimbabwe returns more, one of them a real boolean
        info.update(FirstName="Joe", LastName="Leo", OtherNames="Doe", IssuanceDate="2018-01-01",
                    IsAlive=True)
    info.update(_custom(doc))
    if isinstance(info.get("IsAlive"), str):
        info["IsAlive"] = info["IsAlive"].lower() == "true"
    return info


def bend(result, faults):
    """Apply the faults that change the content of a legacy result, in place."""
    code = None
    if "activate-1016" in faults:
        code = "1016"
    elif "unknown-code" in faults:
        code = faults["unknown-code"].get("code", "9999")
    elif "leading-zero-code" in faults:
        code = faults["leading-zero-code"].get("code", "0810")
    if code is not None:
        result["ResultCode"], result["ResultText"] = code, TEXTS.get(code, "Unknown")
        for key in ("FullName", "DOB", "Gender", "PhoneNumber"):
            if key in result:
                result[key] = "Not Available"
        result["Actions"] = {"Verify_ID_Number": _NUMBER_ACTION.get(code, "Not Done"),
                             "Return_Personal_Info": "Not Returned"}
    if "int-code" in faults:
        result["ResultCode"] = int(result["ResultCode"])
    if "missing-actions" in faults:
        del result["Actions"]
    if "big-photo" in faults:
        result["Photo"] = photo(faults["big-photo"])


def photo(args):
    """Text that could be base64, of the size asked for."""
    return "/9j/4AAQ" * (args.get("bytes", 1_500_000) // 8)


def provisional(result):
    """The same result as it would read before it is final."""
    early = {**result, "ResultCode": PROVISIONAL, "ResultText": TEXTS[PROVISIONAL],
             "IsFinalResult": "false", "Actions": {"Verify_ID_Number": "Under Review",
                                                   "Return_Personal_Info": "Not Returned"}}
    for key in ("FullName", "DOB", "Gender", "PhoneNumber"):
        if key in early:
            early[key] = "Not Available"
    return early


def stamp(world, faults, partner_id=None):
    """A fresh timestamp and its signature, bent by the faults of signing."""
    now, key = world.now_ms(), world.api_key
    if "stale-timestamp" in faults:
        now -= faults["stale-timestamp"].get("age_s", 86_400) * 1000
    if "bad-signature" in faults:
        key += "-of-someone-else"
    timestamp = now if "int-timestamp" in faults else signing.format_time(now)
    return {"timestamp": timestamp,
            "signature": signing.sign(key, timestamp, partner_id or world.partner_id)}


def signed(world, result, faults):
    return {**result, **stamp(world, faults)}
