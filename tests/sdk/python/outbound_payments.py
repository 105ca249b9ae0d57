"""OutboundPayments from beginning to end, through the unmodified official package."""

import secrets

import stripe
from story import Bank, client, expect, let_steps_run, refused, run, verified, KEY


def main():
    platform = client()
    customer = platform.v1.customers.create({"name": "Ann Vendor", "metadata": {"order": "A-17"}})
    expect(platform.v1.customers.retrieve(customer.id).metadata["order"], "A-17", "metadata")

    bank = open_and_fund(platform)
    paid = every_ending(bank, customer)
    paid += numbers_and_tokens(bank, customer)
    paid += saved_payment_method(bank, customer)
    lists(bank, customer, paid)
    expansion(bank, paid)
    errors(bank, paid[0])
    idempotency(bank)
    events_and_balance(platform, paid[0])
    closed = bank.close()
    expect((closed.status, closed.status_details.closed.reasons),
           ("closed", ["closed_by_platform"]), "closed account")
    verified("an emptied account is closed")
    connected_accounts(platform)


def open_and_fund(platform):
    bank = Bank(platform)
    expect(bank.opened.active_features, [], "active features at first")
    account = platform.v1.treasury.financial_accounts.retrieve(
        bank.id, {"expand": ["features", "financial_addresses.aba.account_number"]}
    )
    expect(account.pending_features, [], "pending features at the next request")
    expect(account.features.outbound_payments.ach.status, "active", "outbound_payments.ach")
    aba = account.financial_addresses[0].aba
    expect(aba.account_number[-4:], aba.account_number_last4, "last four digits")

    credit = bank.fund(100_000)
    expect((credit.status, credit.network), ("succeeded", "ach"), "ReceivedCredit")
    expect(bank.balances(), (100_000, 0), "balances after funding")
    check_transaction(bank, credit.transaction, "posted", 100_000, ["received_credit"])
    verified("a FinancialAccount with its features and address, funded by a ReceivedCredit")
    return bank


def check_transaction(bank, id, status, amount, entry_types):
    transaction = bank.treasury.transactions.retrieve(id, {"expand": ["entries"]})
    expect((transaction.status, transaction.amount), (status, amount), f"Transaction {id}")
    expect([entry.type for entry in transaction.entries.data], entry_types, f"entries of {id}")
    listed = bank.treasury.transaction_entries.list(
        {"financial_account": bank.id, "transaction": id}
    )
    expect([entry.type for entry in listed.data], entry_types, f"listed entries of {id}")
    for part in ("cash", "outbound_pending"):
        total = sum(entry.balance_impact[part] for entry in listed.data)
        expect(total, transaction.balance_impact[part], f"{part} of {id}")


def every_ending(bank, customer):
    """Posts, fails, cancels and returns one payment each, and tracks the posted one."""
    helpers = bank.helpers.outbound_payments
    endings = [
        # what is done, status, cash that stays away, Transaction, its newest entry
        (helpers.post, "posted", 2000, "posted", "outbound_payment_posting"),
        (helpers.fail, "failed", 0, "void", "outbound_payment_failure"),
        (bank.treasury.outbound_payments.cancel, "canceled", 0, "void",
         "outbound_payment_cancellation"),
        (helpers.return_outbound_payment, "returned", 0, "posted", "outbound_payment_posting"),
    ]
    paid = []
    for end, status, gone, transaction_status, entry in endings:
        cash, _ = bank.balances()
        payment = bank.pay(2000, customer=customer.id, metadata={"ending": status})
        expect((payment.status, payment.cancelable), ("processing", True), "a new payment")
        expect(bank.balances(), (cash - 2000, 2000), "balances while it is held")
        check_transaction(bank, payment.transaction, "open", -2000, ["outbound_payment"])

        ended = end(payment.id)
        expect((ended.status, ended.cancelable), (status, False), "the ended payment")
        expect(ended.metadata["ending"], status, "metadata")
        expect(ended.status_transitions[f"{status}_at"] is None, False, f"{status}_at is null")
        expect(bank.balances(), (cash - gone, 0), f"balances once {status}")
        amount = 0 if transaction_status == "void" else -2000
        check_transaction(bank, payment.transaction, transaction_status, amount,
                          [entry, "outbound_payment"])
        refused(stripe.InvalidRequestError, lambda: end(payment.id), status=400)
        paid.append(ended)

    posted, returned = paid[0], paid[3]
    expect(returned.returned_details.code, "declined", "code of the return")
    check_transaction(bank, returned.returned_details.transaction, "posted", 2000,
                      ["outbound_payment_return"])
    tracking = {"type": "ach", "ach": {"trace_id": "841042400123450"}}
    tracked = helpers.update(posted.id, {"tracking_details": tracking})
    expect(tracked.tracking_details.to_dict(), tracking, "tracking_details")
    expect(tracked.status, "posted", "status once tracked")
    verified("payments post, fail, cancel and return; each moves the money it should; tracking")
    return paid


def numbers_and_tokens(bank, customer):
    """Account numbers and tokens that decide what becomes of a payment."""
    cash, _ = bank.balances()
    posts = bank.pay(500, "000123456789")
    returns = bank.pay(500, "000111111116")
    token = bank.treasury.outbound_payments.create({
        "amount": 500, "currency": "usd", "financial_account": bank.id,
        "customer": customer.id, "destination_payment_method": "pm_usBankAccount",
    })
    expect({p.status for p in (posts, returns, token)}, {"processing"}, "at first")
    let_steps_run()
    now = [bank.treasury.outbound_payments.retrieve(p.id) for p in (posts, returns, token)]
    expect([p.status for p in now], ["posted", "returned", "posted"], "after their steps")
    expect(now[1].returned_details.code, "no_account", "code of the return")
    expect(now[2].destination_payment_method.startswith("pm_"), True, "a PaymentMethod's id")
    expect(bank.balances(), (cash - 1000, 0), "balances after the steps")
    verified("test account numbers and the PaymentMethod token decide what happens")
    return now


def saved_payment_method(bank, customer):
    intent = bank.client.v1.setup_intents.create({
        "customer": customer.id,
        "flow_directions": ["outbound"],
        "payment_method_types": ["us_bank_account"],
        "payment_method_data": {
            "type": "us_bank_account",
            "billing_details": {"name": "Ann Vendor"},
            "us_bank_account": {
                "account_holder_type": "individual",
                "account_number": "000000000009",
                "routing_number": "110000000",
            },
        },
        "confirm": True,
    })
    expect((intent.status, intent.flow_directions), ("succeeded", ["outbound"]), "SetupIntent")
    method = bank.client.v1.payment_methods.retrieve(intent.payment_method)
    expect((method.customer, method.us_bank_account.last4), (customer.id, "0009"), "its method")
    payment = bank.treasury.outbound_payments.create({
        "amount": 700, "currency": "usd", "financial_account": bank.id,
        "customer": customer.id, "destination_payment_method": method.id,
    })
    expect(payment.destination_payment_method, method.id, "destination_payment_method")
    expect(payment.destination_payment_method_details.us_bank_account.last4, "0009", "details")
    posted = bank.helpers.outbound_payments.post(payment.id)
    expect(posted.status, "posted", "payment to a saved method")
    verified("a SetupIntent saves a bank account for outbound payments, and it is paid")
    return [posted]


def lists(bank, customer, paid):
    payments = bank.treasury.outbound_payments
    first = payments.list({"financial_account": bank.id, "limit": 3})
    expect((len(first.data), first.has_more), (3, True), "first page")
    walked = [p.id for p in first.auto_paging_iter()]
    expect(walked, [p.id for p in reversed(paid)], "every payment, newest first")
    last = payments.list({"financial_account": bank.id, "limit": 2, "ending_before": walked[-1]})
    expect([p.id for p in last.auto_paging_iter()], walked[-2::-1], "walked backwards")
    for status in ("posted", "failed", "canceled", "returned"):
        found = payments.list({"financial_account": bank.id, "status": status})
        wanted = [p.id for p in reversed(paid) if p.status == status]
        expect([p.id for p in found.data], wanted, f"payments that are {status}")
    found = payments.list({"financial_account": bank.id, "customer": customer.id})
    expect({p.customer for p in found.data}, {customer.id}, "payments of the customer")
    open_ones = bank.treasury.transactions.list({"financial_account": bank.id, "status": "open"})
    expect(open_ones.data, [], "open Transactions once all is done")
    verified(f"lists: {len(walked)} payments walked in pages of 3, both ways, and filtered")


def expansion(bank, paid):
    returned = next(p for p in paid if p.status == "returned")
    payment = bank.treasury.outbound_payments.retrieve(
        returned.id, {"expand": ["transaction", "returned_details.transaction"]}
    )
    expect(payment.transaction.flow, payment.id, "flow of the expanded Transaction")
    expect(payment.returned_details.transaction.amount, 2000, "the expanded return")
    listed = bank.treasury.outbound_payments.list(
        {"financial_account": bank.id, "limit": 1, "expand": ["data.transaction"]}
    )
    expect(listed.data[0].transaction.object, "treasury.transaction", "expanded in a list")
    entries = bank.treasury.transaction_entries.list(
        {"financial_account": bank.id, "limit": 1, "expand": ["data.flow_details"]}
    )
    expect(entries.data[0].flow_details.type, "outbound_payment", "flow_details of an entry")
    verified("expand: references, inside hashes, inside lists, and includable fields")


def errors(bank, posted):
    payments = bank.treasury.outbound_payments
    before = bank.balances()
    bad = stripe.InvalidRequestError
    refused(bad, lambda: payments.create(bank.payment(10_000_000)), 400, "balance_insufficient",
            "amount")
    refused(bad, lambda: payments.create(bank.payment(0)), 400, "parameter_invalid_integer",
            "amount")
    refused(bad, lambda: payments.create(bank.payment(100, nope="1")), 400, "parameter_unknown",
            "nope")
    refused(bad, lambda: payments.list({}), 400, "parameter_missing", "financial_account")
    refused(bad, lambda: payments.retrieve("obp_nope"), 404, "resource_missing", "id")
    refused(bad, lambda: payments.cancel(posted.id), 400)
    refused(bad, lambda: payments.retrieve(posted.id, {"expand": ["amount"]}), 400)
    expect(bank.balances(), before, "balances after refusals")

    publishable = KEY.replace("sk_", "pk_", 1)
    refused(stripe.AuthenticationError, client("not_a_key").v1.balance.retrieve, 401)
    refused(stripe.PermissionError, client(publishable).v1.customers.list, 403,
            "secret_key_required")
    refused(stripe.PermissionError, client(account="acct_1NobodyHasThis").v1.customers.list, 403,
            "account_invalid")
    verified("errors arrive as the package's own exceptions, and change nothing")


def idempotency(bank):
    payments = bank.treasury.outbound_payments
    once = {"idempotency_key": secrets.token_hex(16)}
    cash, held = bank.balances()
    first = payments.create(bank.payment(300), once)
    bank.helpers.outbound_payments.post(first.id)
    again = payments.create(bank.payment(300), once)
    expect((again.id, again.status), (first.id, "processing"), "the first answer again")
    headers = again.last_response.headers
    expect(headers.get("Idempotent-Replayed"), "true", "Idempotent-Replayed")
    expect(headers.get("Original-Request"), first.last_response.request_id, "Original-Request")
    expect(bank.balances(), (cash - 300, held), "balances: paid once")
    refused(stripe.IdempotencyError, lambda: payments.create(bank.payment(301), once), 400)
    verified("a repeated key answers the same and pays once; other parameters are refused")


def events_and_balance(platform, posted):
    wanted = ["created", "posted", "tracking_details_updated"]
    types = [f"treasury.outbound_payment.{name}" for name in wanted]
    found = platform.v1.events.list({"types": types, "limit": 2})
    ours = [e for e in found.auto_paging_iter() if e.data.object["id"] == posted.id]
    expect([e.type for e in reversed(ours)], types, "events of the tracked payment")
    expect(ours[0].data.previous_attributes.to_dict(), {"tracking_details": None}, "what changed")
    expect(ours[2].data.object["status"], "processing", "the snapshot in the first event")
    expect(ours[2].request.idempotency_key is None, False, "the request's key is null")
    again = platform.v1.events.retrieve(ours[0].id)
    expect(again.data.object["tracking_details"]["type"], "ach", "a retrieved event")
    balance = platform.v1.balance.retrieve()
    expect(balance.livemode, False, "livemode of the balance")
    expect([entry.currency for entry in balance.available], ["usd"], "currencies of the balance")
    verified("events tell what happened, in order; the balance answers")


def connected_account(platform):
    capabilities = ("transfers", "treasury", "us_bank_account_ach_payments")
    return platform.v1.accounts.create({
        "country": "US",
        "controller": {
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "requirement_collection": "application",
            "stripe_dashboard": {"type": "none"},
        },
        "capabilities": {name: {"requested": True} for name in capabilities},
    })


def connected_accounts(platform):
    """A payment from one connected account's FinancialAccount to another's."""
    payer, payee = connected_account(platform), connected_account(platform)
    expect(payer.capabilities["treasury"], "active", "the treasury capability")
    source, target = Bank(client(account=payer.id)), Bank(client(account=payee.id))
    source.fund(5000)
    payment = source.treasury.outbound_payments.create({
        "amount": 3000, "currency": "usd", "financial_account": source.id,
        "destination_payment_method_data": {
            "type": "financial_account", "financial_account": target.id,
        },
    })
    details = payment.destination_payment_method_details
    expect(details.financial_account.network, "stripe", "network")
    expect((source.balances(), target.balances()), ((2000, 3000), (0, 0)), "held at the payer")
    let_steps_run()
    expect((source.balances(), target.balances()), ((2000, 0), (3000, 0)), "arrived")
    credit = target.treasury.received_credits.list(
        {"financial_account": target.id, "expand": ["data.linked_flows.source_flow_details"]}
    ).data[0]
    linked = credit.linked_flows
    expect((linked.source_flow, linked.source_flow_type), (payment.id, "outbound_payment"), "flow")
    expect(linked.source_flow_details.outbound_payment.id, payment.id, "its details")
    # The account of an event may also be named per request.
    event = platform.v1.events.list(
        {"type": "treasury.received_credit.created"}, {"stripe_account": payee.id}
    ).data[0]
    expect(event.data.object["id"], credit.id, "the payee's event")
    seen_by_platform = platform.v1.treasury.outbound_payments
    refused(stripe.InvalidRequestError, lambda: seen_by_platform.retrieve(payment.id), 404,
            "resource_missing", "id")
    verified("money moves between the FinancialAccounts of two connected accounts")
    sent_back(source, target, payment, credit)


def sent_back(source, target, payment, credit):
    """The payee sends it back, and the payer has it once."""
    reversal = target.treasury.credit_reversals.create({"received_credit": credit.id})
    expect((reversal.network, target.balances()), ("stripe", (0, 3000)), "held at the payee")
    let_steps_run()
    expect((source.balances(), target.balances()), ((5000, 0), (0, 0)), "back at the payer")
    returned = source.treasury.outbound_payments.retrieve(
        payment.id, {"expand": ["returned_details.transaction"]}
    )
    details = returned.returned_details
    expect((returned.status, details.code), ("returned", "declined"), "the returned payment")
    back = source.treasury.received_credits.list({
        "financial_account": source.id,
        "linked_flows": {"source_flow_type": "credit_reversal"},
        "expand": ["data.linked_flows.source_flow_details"],
    }).data[0]
    expect(back.linked_flows.source_flow_details.credit_reversal.id, reversal.id, "its source")
    expect((details.transaction.flow, details.transaction.amount), (back.id, 3000), "one credit")
    verified("the payee sends a payment back, and its payer has it once")


if __name__ == "__main__":
    run(main)
