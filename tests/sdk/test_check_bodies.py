"""The checker's own test: good bodies pass, and each kind of mistake is seen.

    python tests/sdk/test_check_bodies.py
"""

import copy
import sys
from pathlib import Path

import sdk_types
from check_bodies import Checker, KnownDifferences

PAYMENT = {
    "id": "obp_1", "object": "treasury.outbound_payment", "amount": 2000, "cancelable": True,
    "created": 1700000000, "currency": "usd", "customer": None, "description": None,
    "destination_payment_method": None,
    "destination_payment_method_details": {
        "billing_details": {
            "address": {"city": None, "country": None, "line1": None, "line2": None,
                        "postal_code": None, "state": None},
            "email": None, "name": "Ann Vendor",
        },
        "type": "us_bank_account",
        "us_bank_account": {
            "account_holder_type": "company", "account_type": "checking",
            "bank_name": "STRIPE TEST BANK", "fingerprint": "9fA0", "last4": "0009",
            "network": "ach", "routing_number": "110000000",
        },
    },
    "end_user_details": {"ip_address": None, "present": False},
    "expected_arrival_date": 1700092800, "financial_account": "fa_1",
    "hosted_regulatory_receipt_url": "https://payments.example/regulatory-receipt/x",
    "livemode": False, "metadata": {}, "returned_details": None,
    "statement_descriptor": "payment", "status": "processing",
    "status_transitions": {"canceled_at": None, "failed_at": None, "posted_at": None,
                           "returned_at": None},
    "tracking_details": None, "transaction": "trxn_1",
}
TRANSACTION = {
    "id": "trxn_1", "object": "treasury.transaction", "amount": -2000,
    "balance_impact": {"cash": -2000, "inbound_pending": 0, "outbound_pending": 2000},
    "created": 1700000000, "currency": "usd", "description": "x", "financial_account": "fa_1",
    "flow": "obp_1", "flow_type": "outbound_payment", "livemode": False, "status": "open",
    "status_transitions": {"posted_at": None, "void_at": None},
}
ERROR = {
    "code": "resource_missing", "doc_url": "https://stripe.com/docs/error-codes/resource-missing",
    "message": "No such customer: 'cus_x'", "param": "id", "type": "invalid_request_error",
}
P = "treasury.outbound_payment"
BANK = f"{P}.destination_payment_method_details.us_bank_account"


def event(subject, previous=None):
    data = {"object": subject} | ({"previous_attributes": previous} if previous else {})
    return {
        "id": "evt_1", "object": "event", "api_version": "2026-10-28.endive",
        "created": 1700000000, "data": data, "livemode": False, "pending_webhooks": 0,
        "request": {"id": None, "idempotency_key": None}, "type": f"{P}.created",
    }


def page(*items):
    return {"object": "list", "data": list(items), "has_more": False, "url": "/v1/x"}


def changed(body, **changes):
    """A copy with the field at each path (`a__b`) set; the value `...` drops the field."""
    body = copy.deepcopy(body)
    for path, value in changes.items():
        *above, last = path.split("__")
        place = body
        for key in above:
            place = place[key]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return body


FOUR_MISTAKES = changed(
    PAYMENT,
    tracking_details=...,
    destination_payment_method_details__us_bank_account__phone="555",
    status="sent",
    statement_descriptor=None,
)
CLEAN = [
    ("payment", PAYMENT),
    ("expanded payment", changed(PAYMENT, transaction=TRANSACTION)),
    ("list", page(PAYMENT, TRANSACTION)),
    ("event", event(PAYMENT)),
    ("event with previous attributes", event(PAYMENT, {"tracking_details": None})),
    ("deleted stub", {"id": "cus_1", "object": "customer", "deleted": True}),
]
# What is wrong, the body, and exactly the differences to be seen.
BROKEN = [
    ("four mistakes", FOUR_MISTAKES, {
        (f"{P}.tracking_details", "missing"),
        (f"{BANK}.phone", "unknown field"),
        (f"{P}.status", '"sent" is not in the enum'),
        (f"{P}.statement_descriptor", "null, but not nullable"),
    }),
    ("scalars", changed(PAYMENT, amount="2000", cancelable=1, created=True), {
        (f"{P}.amount", '"2000" is not of type integer'),
        (f"{P}.cancelable", "1 is not of type boolean"),
        (f"{P}.created", "true is not of type integer"),
    }),
    ("mistake in an event of a list", page(event(changed(PAYMENT, status=None))), {
        (f"{P}.status", "null, but not nullable"),
    }),
    ("expanded event", event(changed(PAYMENT, transaction=TRANSACTION)), {
        (f"{P}.transaction", "expanded inside an event"),
    }),
    ("previous attributes", event(PAYMENT, {"nope": 1, "status": "sent"}), {
        (f"event.data.previous_attributes({P}).nope", "unknown field"),
        (f"event.data.previous_attributes({P}).status", '"sent" is not in the enum'),
    }),
    ("wrong object", changed(PAYMENT, transaction=PAYMENT), {
        (f"{P}.transaction", f'object "{P}", not treasury.transaction'),
    }),
    ("other member", changed(PAYMENT, destination_payment_method_details__financial_account=None), {
        (f"{P}.destination_payment_method_details.financial_account",
         'present, but type is "us_bank_account"'),
    }),
    ("list", changed(page(), total_count=0, has_more=...), {
        ("list.total_count", "unknown field"),
        ("list.has_more", "missing"),
        ("list.has_more", "null is not of type boolean"),
    }),
    ("stub", {"id": "cus_1", "object": "customer", "deleted": True, "email": None}, {
        ("customer.email", "unknown field"),
    }),
    ("unknown object", {"object": "treasury.nothing"}, {
        ("/v1/x", 'unknown object "treasury.nothing"'),
    }),
]
BROKEN_ERRORS = [
    ("type", changed(ERROR, type="authentication_error"),
     {("error.type", '"authentication_error" is not a type of the wire')}),
    ("null", changed(ERROR, param=None),
     {("error.param", "null; an error leaves a field out instead")}),
    ("doc_url", changed(ERROR, code=...), {("error.doc_url", "present without a code")}),
]


def differences(body, status=200):
    known = KnownDifferences.read(Path(__file__).with_name("known_differences.toml"))
    checker = Checker(known)
    checker.record({"test": "self", "method": "GET", "path": "/v1/x", "status": status,
                    "body": body})
    return set(checker.differences)


def every_declared_type_is_understood():
    count = 0
    for name in sdk_types.object_names():
        pending = [sdk_types.class_of(name)]
        while pending:
            kind = pending.pop()
            count += len(kind.fields)
            pending += kind.nested.values()
    return count


def main():
    failures = []
    cases = [(name, body, 200, set()) for name, body in CLEAN]
    cases += [(name, body, 200, expected) for name, body, expected in BROKEN]
    cases += [("error", {"error": ERROR}, 404, set())]
    cases += [(f"error {name}", {"error": e}, 400, seen) for name, e, seen in BROKEN_ERRORS]
    for name, body, status, expected in cases:
        seen = differences(body, status)
        if seen != expected:
            failures.append(f"{name}: expected {sorted(expected)}, saw {sorted(seen)}")
    fields = every_declared_type_is_understood()
    for failure in failures:
        print("FAILED", failure)
    print(f"{len(cases)} cases, {len(failures)} failed; {fields} declared fields understood")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
