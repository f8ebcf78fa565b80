# SPDX-License-Identifier: Apache-2.0
"""Deliveries and events as the session family shows them, and sending them again."""

import pytest

from product import SEED, is_time, plain, wait_for
from receiver import answer, hang
from session_family import (ENDPOINTS, EVENT_WORDS, NO_PAGE, TAIL, add_key, error, make, new_jwk,
                            no_delivery, no_event, refused, settled, told)

# ---- deliveries ----------------------------------------------------------------------------------------------

def test_delivery(tenant, receiver):
    _, live, _ = tenant
    receiver.rule("/", answer(200, b"thank\xff you\x00"))
    endpoint, delivery = told(live, receiver)
    shown = settled(live, delivery)
    expected = {
        "id": "<whd>", "event_id": "<evt>", "webhook_endpoint_id": "<whe>",
        "webhook_encryption_key_id": None, "status": "succeeded", "attempt_count": 1,
        "next_attempt_at": None, "last_status_code": 200, "last_attempt_at": "<time>",
        "created_at": "<time>", "updated_at": "<time>"}
    attempt = shown["attempts"][0]
    assert plain(shown) == {**expected, "attempts": [
        {"id": "<wha>", "number": 1, "status_code": 200,
         "response_time_ms": attempt["response_time_ms"], "error": None,
         "response_excerpt": "thank? you?", "attempted_at": "<time>"}]}
    assert list(shown) == [*expected, "attempts"]
    assert shown["webhook_endpoint_id"] == endpoint["id"]
    body = live.get("/v1/webhooks/deliveries").json()
    shown.pop("attempts")
    assert body == {"data": [shown], "error": None, "pagination": NO_PAGE}
    assert list(body["data"][0]) == list(expected)


def test_delivery_that_fails(tenant, receiver):
    _, live, _ = tenant
    receiver.rule("/", answer(500, b"broken"))
    _, delivery = told(live, receiver)
    assert wait_for(lambda: receiver.of("/"), 20)

    def tried():
        shown = live.get("/v1/webhooks/deliveries/" + delivery["id"]).json()["data"]
        return shown if shown["attempts"] else None
    shown = wait_for(tried, 20)
    assert shown["status"] == "pending" and shown["attempt_count"] == 1
    assert is_time(shown["next_attempt_at"]) and shown["last_status_code"] == 500
    attempt = shown["attempts"][0]
    assert attempt["error"] == "status" and attempt["response_excerpt"] == "broken"


def test_an_encrypted_delivery_names_its_key(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"), subscribed_event_types=["verification.completed"])
    key = add_key(live, made, new_jwk())
    live.post("/v1/kyc/sandbox/verify", SEED)
    assert wait_for(lambda: receiver.of("/"), 20)
    assert receiver.of("/")[0].headers["content-type"] == "application/jose"
    assert receiver.of("/")[0].body.count(b".") == 4
    delivery = live.get("/v1/webhooks/deliveries").json()["data"][0]
    assert delivery["webhook_encryption_key_id"] == key["id"]


def test_delivery_filters_and_pages(tenant, receiver):
    _, live, _ = tenant
    receiver.rule("/bad", answer(500))
    good, first = told(live, receiver, "/good")
    bad, second = told(live, receiver, "/bad")
    settled(live, first)
    path = "/v1/webhooks/deliveries"

    def found(query):
        return [item["id"] for item in live.get(f"{path}?{query}").json()["data"]]
    everything = found("")
    assert len(everything) == 3 and everything[-1] == first["id"]
    assert found("endpoint_id=" + bad["id"]) == [second["id"]]
    assert len(found("endpoint_id=" + good["id"].replace("whe_", "wh_"))) == 2
    assert found("event_id=" + first["event_id"]) == [first["id"]]
    assert len(found("event_id=" + second["event_id"])) == 2
    assert wait_for(lambda: len(found("status=succeeded")) == 2, 20)
    assert wait_for(lambda: found("status=pending") == [second["id"]], 20)
    assert found("status=failed") == [] and found("status=delivering") == []
    body = live.get(path + "?limit=2").json()
    assert [item["id"] for item in body["data"]] == everything[:2]
    assert body["pagination"] == {"limit": 2, "has_more": True, "next_cursor": everything[1]}
    assert found("limit=2&starting_after=" + everything[1]) == everything[2:]


@pytest.mark.parametrize("query,fault", [
    ("status=done", "status must be one of pending, delivering, succeeded, failed"),
    ("endpoint_id=x", "endpoint_id is not the id of a webhook endpoint"),
    ("event_id=whd_" + TAIL, "event_id is not the id of an event"),
    ("starting_after=evt_" + TAIL, "starting_after is not the id of a delivery"),
    ("limit=0", "limit must be a whole number from 1 to 100"),
])
def test_bad_delivery_queries(live, query, fault):
    reply = live.get("/v1/webhooks/deliveries?" + query)
    assert reply.status_code == 400
    assert reply.json() == refused("listDeliveries", fault, page=NO_PAGE)


def test_retry(tenant, receiver):
    _, live, _ = tenant
    endpoint, delivery = told(live, receiver)
    before = settled(live, delivery)
    receiver.clear()
    path = f"/v1/webhooks/deliveries/{delivery['id']}/retry"
    reply = live.post(path)
    assert reply.status_code == 200
    body = reply.json()["data"]
    assert plain(body) == {
        "id": "<whd>", "event_id": "<evt>", "webhook_endpoint_id": "<whe>",
        "webhook_encryption_key_id": None, "status": "pending", "attempt_count": 0,
        "next_attempt_at": "<time>", "last_status_code": None, "last_attempt_at": None,
        "created_at": "<time>", "updated_at": "<time>"}
    assert body["id"] == before["id"] and body["event_id"] == before["event_id"]
    after = settled(live, delivery)
    assert [attempt["number"] for attempt in after["attempts"]] == [2, 1]
    assert after["attempt_count"] == 1
    assert [request.id for request in receiver.of("/")] == [delivery["event_id"]]


def test_not_while_it_is_under_way(tenant, receiver):
    _, live, _ = tenant
    receiver.rule("/", hang)
    endpoint, delivery = told(live, receiver)
    settled(live, delivery, "delivering")
    assert live.get("/v1/webhooks/deliveries?status=delivering").json()["data"][0]["id"] == \
        delivery["id"]
    reply = live.post(f"/v1/webhooks/deliveries/{delivery['id']}/retry")
    assert reply.status_code == 409
    assert reply.json() == error(
        "CONFLICT", "Webhook delivery cannot be retried.",
        "The delivery is under way just now; retry it when it has ended.", "retryDelivery")
    reply = live.post(f"/v1/webhooks/events/{delivery['event_id']}/replay")
    assert reply.status_code == 409
    assert reply.json() == error(
        "CONFLICT", "Webhook event cannot be replayed.",
        "Only an event with deliveries that are not under way, and do not lack an encryption key, "
        "can be replayed.", "replayEvent")
    live.delete(f"{ENDPOINTS}/{endpoint['id']}")


@pytest.mark.parametrize("delivery", ["whd_" + TAIL, "evt_" + TAIL, "x"])
def test_unknown_deliveries(live, delivery):
    reply = live.get("/v1/webhooks/deliveries/" + delivery)
    assert reply.status_code == 404 and reply.json() == no_delivery("getDelivery")
    reply = live.post(f"/v1/webhooks/deliveries/{delivery}/retry")
    assert reply.status_code == 404 and reply.json() == no_delivery("retryDelivery")


# ---- events ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("base,alias", [("/v1/webhooks/events", ""), ("/v1/events", "Alias")])
def test_events(tenant, receiver, base, alias):
    _, live, _ = tenant
    endpoint, delivery = told(live, receiver)
    settled(live, delivery)
    event = live.get(f"{base}/{delivery['event_id']}").json()
    expected = {"id": "<evt>", "type": "verification.completed", "trigger_type": "verification",
                "trigger_id": "<ver>", "created_at": "<time>", "deliveries": [
                    {"id": "<whd>", "webhook_endpoint_id": "<whe>", "status": "succeeded",
                     "last_status_code": 200, "attempt_count": 1, "last_attempt_at": "<time>"}]}
    assert plain(event) == {"data": expected, "error": None}
    assert list(event["data"]) == list(expected)
    assert list(event["data"]["deliveries"][0]) == list(expected["deliveries"][0])
    assert live.get(base).json() == {"data": [event["data"]], "error": None,
                                     "pagination": NO_PAGE}
    receiver.clear()
    reply = live.post(f"{base}/{delivery['event_id']}/replay")
    assert reply.status_code == 202
    body = reply.json()
    assert body["error"] is None and body["data"]["id"] == delivery["event_id"]
    assert body["data"]["deliveries"][0]["status"] in ("pending", "delivering", "succeeded")
    assert body["data"]["deliveries"][0]["id"] == delivery["id"]
    assert wait_for(lambda: receiver.of("/"), 20)
    assert receiver.of("/")[0].id == delivery["event_id"]
    for reply, name in ((live.get(f"{base}/evt_{TAIL}"), "getEvent"),
                        (live.post(f"{base}/evt_{TAIL}/replay"), "replayEvent"),
                        (live.get(base + "/x"), "getEvent")):
        assert reply.status_code == 404 and reply.json() == no_event(name + alias)
    assert live.get(base + "?type=x&limit=0").json()["error"]["docs"] == \
        f"/reference#listEvents{alias}"


def test_an_event_without_deliveries(tenant):
    _, live, _ = tenant
    live.post("/v1/kyc/sandbox/verify", SEED)
    event = live.get("/v1/events").json()["data"][0]
    assert event["deliveries"] == []
    assert live.post(f"/v1/events/{event['id']}/replay").status_code == 409


def test_a_test_is_an_event_of_its_endpoint(tenant, receiver):
    _, live, _ = tenant
    made = make(live, receiver.url("/"))
    live.post(f"{ENDPOINTS}/{made['id']}/test")
    event = live.get("/v1/events?type=webhook.test").json()["data"][0]
    assert event["trigger_type"] == "webhook_endpoint" and event["trigger_id"] == made["id"]
    assert live.get("/v1/events/" + event["id"]).json()["data"] == event


def test_event_filters_and_pages(tenant):
    _, live, _ = tenant
    for n in range(3):
        live.post("/v1/kyc/sandbox/verify", SEED)
    live.post("/v1/kyc/sandbox/verify", {**SEED, "id_number": "1000000000001"})

    def found(query):
        return [item["id"] for item in live.get("/v1/events?" + query).json()["data"]]
    everything = found("")
    assert len(everything) == 4 and everything == sorted(everything, reverse=True)
    assert found("type=verification.failed") == everything[:1]
    assert found("type=verification.completed") == everything[1:]
    body = live.get("/v1/events?limit=3").json()
    assert body["pagination"] == {"limit": 3, "has_more": True, "next_cursor": everything[2]}
    assert found("starting_after=" + everything[2]) == everything[3:]
    assert found("type=verification.completed&limit=1&starting_after=" + everything[1]) == \
        everything[2:3]
    assert found("created_to=2026-01-01") == []
    assert found("created_from=2026-01-01T00:00:00Z&created_to=2099-12-31") == everything
    assert found("created_from=2099-01-01") == []


@pytest.mark.parametrize("query,fault", [
    ("type=session.made", "type must be one of " + EVENT_WORDS),
    ("created_from=soon", "created_from must be an ISO 8601 date or time"),
    ("created_from=2026-02-01&created_to=2026-01-01",
     "created_from must not be later than created_to"),
    ("starting_after=whd_" + TAIL, "starting_after is not the id of an event"),
])
def test_bad_event_queries(live, query, fault):
    reply = live.get("/v1/webhooks/events?" + query)
    assert reply.status_code == 400
    assert reply.json() == refused("listEvents", fault, page=NO_PAGE)
