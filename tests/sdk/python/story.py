"""What the Python stories share: clients that record what they see, and small helpers.

EXCHEQUER_URL     the server (default http://127.0.0.1:12111)
EXCHEQUER_KEY     the secret key of a sandbox (default: a random one, which is a fresh sandbox)
EXCHEQUER_BODIES  a JSONL file to append every body to, for check_bodies.py
"""

import json
import os
import secrets
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import stripe

URL = os.environ.get("EXCHEQUER_URL", "http://127.0.0.1:12111").rstrip("/")
KEY = os.environ.get("EXCHEQUER_KEY") or f"sk_test_{secrets.token_hex(12)}"
BODIES = os.environ.get("EXCHEQUER_BODIES")
STORY = f"python/{Path(sys.argv[0]).stem}"
# Money steps follow a payment after the server's step delay; this is longer.
STEPS = "60s"
FEATURES = {
    "financial_addresses": {"aba": {"requested": True}},
    "intra_stripe_flows": {"requested": True},
    "outbound_payments": {"ach": {"requested": True}, "us_domestic_wire": {"requested": True}},
}


def record(method, url, status, body):
    if not BODIES:
        return
    try:
        body = json.loads(body)
    except ValueError:
        body = bytes(body).decode("utf-8", "replace")
    line = {"test": STORY, "method": method.upper(), "path": urlsplit(url).path,
            "status": status, "body": body}
    with open(BODIES, "a") as file:
        file.write(json.dumps(line) + "\n")


class RecordingClient(stripe.RequestsClient):
    """The package's own HTTP client; it also writes down every answer."""

    def request(self, method, url, headers, post_data=None, **options):
        content, status, answered = super().request(method, url, headers, post_data, **options)
        record(method, url, status, content)
        return content, status, answered


def client(key=KEY, account=None):
    return stripe.StripeClient(
        key, stripe_account=account, base_addresses={"api": URL}, http_client=RecordingClient()
    )


def control(path, **body):
    """Calls the server's own control address, which is no part of the API."""
    request = urllib.request.Request(
        f"{URL}/_exchequer/{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def let_steps_run():
    control("clock", action="advance", by=STEPS)


def verified(what):
    print(f"ok: {what}", flush=True)


def expect(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def refused(kind, call, status=None, code=None, param=None):
    """Runs `call`, which must raise exactly `kind`, and returns the exception."""
    try:
        call()
    except stripe.StripeError as error:
        expect(type(error), kind, f"class of “{error}”")
        if status:
            expect(error.http_status, status, f"status of “{error}”")
        if code:
            # The SDK leaves `code` of some classes unset, but keeps the body.
            expect(error.error.code, code, f"code of “{error}”")
        if param:
            expect(error.error.param, param, f"param of “{error}”")
        return error
    raise AssertionError(f"expected {kind.__name__}, but the call succeeded")


class Bank:
    """A FinancialAccount, with the calls that the stories make again and again."""

    def __init__(self, client, features=FEATURES):
        self.client = client
        self.treasury = client.v1.treasury
        self.helpers = client.v1.test_helpers.treasury
        self.opened = self.treasury.financial_accounts.create(
            {"supported_currencies": ["usd"], "features": features}
        )
        self.id = self.opened.id

    def balances(self):
        """Spendable cash, and what is held for payments on their way out."""
        balance = self.treasury.financial_accounts.retrieve(self.id).balance
        expect(balance.inbound_pending["usd"], 0, "inbound_pending")
        return balance.cash["usd"], balance.outbound_pending["usd"]

    def fund(self, amount):
        return self.helpers.received_credits.create(
            {"amount": amount, "currency": "usd", "financial_account": self.id, "network": "ach"}
        )

    def payment(self, amount, number="000000000009", **more):
        """The parameters of a payment to a bank account; the number decides what happens."""
        to = {
            "type": "us_bank_account",
            "billing_details": {"name": "Ann Vendor"},
            "us_bank_account": {
                "account_holder_type": "company",
                "account_number": number,
                "routing_number": "110000000",
            },
        }
        return {"amount": amount, "currency": "usd", "financial_account": self.id,
                "destination_payment_method_data": to} | more

    def pay(self, amount, number="000000000009", **more):
        return self.treasury.outbound_payments.create(self.payment(amount, number, **more))

    def close(self):
        """Pays out what is left, so that the account can be closed, and closes it."""
        cash, _ = self.balances()
        if cash:
            self.helpers.outbound_payments.post(self.pay(cash).id)
        return self.treasury.financial_accounts.close(self.id)


def run(main):
    print(f"{STORY} against {URL}")
    main()
    print(f"{STORY}: passed")
