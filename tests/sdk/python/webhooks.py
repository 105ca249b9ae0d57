"""A payment tells a webhook endpoint about itself, and the official verifier believes it."""

import time

import stripe
from receiver import Receiver
from story import Bank, client, control, expect, record, run, verified

TYPES = ["treasury.outbound_payment.created", "treasury.outbound_payment.posted"]


def main():
    with Receiver() as receiver:
        platform = client()
        endpoint = platform.v1.webhook_endpoints.create(
            {"url": receiver.url, "enabled_events": TYPES}
        )
        expect(endpoint.secret.startswith("whsec_"), True, "the secret's prefix")
        bank = Bank(platform)
        bank.fund(5000)
        payment = bank.pay(5000)
        bank.helpers.outbound_payments.post(payment.id)
        expect(control("deliveries/wait", timeout_ms=5000)["pending"], 0, "pending deliveries")

        for kind in TYPES:
            headers, body = receiver.take()
            event = check_delivery(platform, endpoint.secret, headers, body)
            expect((event.type, event.data.object["id"]), (kind, payment.id), "delivered event")
            refuse_forgeries(endpoint.secret, headers["Stripe-Signature"], body)
        expect(receiver.received.empty(), True, "no further delivery")
        verified("deliveries arrive once, in order, and pass the verifier")
        verified("a flipped byte, another secret and a signature 301 s old are refused")

        expect(platform.v1.webhook_endpoints.delete(endpoint.id).deleted, True, "deleted")
        bank.close()
        expect(control("deliveries/wait", timeout_ms=5000)["pending"], 0, "pending deliveries")
        expect(receiver.received.empty(), True, "nothing for a deleted endpoint")
        verified("a deleted endpoint hears nothing more")


def check_delivery(platform, secret, headers, body):
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
    expect(headers["Content-Type"], "application/json; charset=utf-8", "Content-Type")
    expect(headers["User-Agent"].startswith("Stripe/1.0"), True, "User-Agent")
    record("DELIVERY", f"/v1/events/{event.id}", 200, body)
    kept = platform.v1.events.retrieve(event.id)
    expect(kept.data.to_dict(), event.data.to_dict(), "the event as the API tells it")
    expect(kept.pending_webhooks, 0, "pending_webhooks once delivered")
    return event


def refuse_forgeries(secret, signature, body):
    flipped = bytearray(body)
    flipped[len(body) // 2] ^= 1
    old = signed(body, secret, age=301)
    for sent, header, key in [
        (bytes(flipped), signature, secret),
        (body, signature, secret + "x"),
        (body, old, secret),
    ]:
        try:
            stripe.Webhook.construct_event(sent, header, key)
        except stripe.SignatureVerificationError:
            continue
        raise AssertionError(f"the verifier believed {header}")
    # The old signature was refused for its age alone: the same made just now passes.
    stripe.Webhook.construct_event(body, signed(body, secret, age=0), secret)


def signed(body, secret, age):
    then = int(time.time()) - age
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, then)


if __name__ == "__main__":
    run(main)
