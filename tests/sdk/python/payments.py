"""From a card to a bank: payments, the balance, payouts and top-ups, through the unmodified package."""

import stripe
from story import Bank, client, control, expect, let_steps_run, refused, run, verified

BANK = {"object": "bank_account", "country": "US", "currency": "usd",
        "routing_number": "110000000", "account_number": "000123456789"}


def main():
    platform = client()
    expect(balance(platform), (0, 0), "the balance at first")
    payments(platform)
    refunds(platform)
    bank_accounts(platform)
    payouts(platform)
    top_ups(platform)
    between_the_books(platform)


def balance(platform):
    held = platform.v1.balance.retrieve()
    return held.available[0].amount, held.pending[0].amount


def pay(platform, amount, card, **more):
    return platform.v1.payment_intents.create({
        "amount": amount, "currency": "usd", "payment_method": card, "confirm": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    } | more)


def payments(platform):
    paid = pay(platform, 10_000, "pm_card_bypassPending", metadata={"order": "17"})
    expect((paid.status, paid.amount_received), ("succeeded", 10_000), "a payment")
    expect(balance(platform), (9_680, 0), "the balance after a payment")
    charge = platform.v1.charges.retrieve(paid.latest_charge, {"expand": ["balance_transaction"]})
    expect(charge.balance_transaction.fee, 320, "the fee")
    expect(charge.metadata["order"], "17", "metadata of the charge")

    pay(platform, 1_000, "pm_card_visa")
    expect(balance(platform), (9_680, 941), "the balance with something pending")

    error = refused(stripe.CardError, lambda: pay(platform, 500, "pm_card_visa_chargeDeclined"),
                    status=402, code="card_declined")
    expect(error.error.decline_code, "generic_decline", "the decline code")
    failed = platform.v1.payment_intents.retrieve(error.error.payment_intent.id)
    expect(failed.status, "requires_payment_method", "the intent after a decline")
    again = platform.v1.payment_intents.confirm(failed.id, {"payment_method": "pm_card_visa"})
    expect(again.status, "succeeded", "the intent with another card")

    held = pay(platform, 2_000, "pm_card_visa", capture_method="manual")
    expect((held.status, held.amount_capturable), ("requires_capture", 2_000), "a held payment")
    expect(platform.v1.payment_intents.cancel(held.id).status, "canceled", "a canceled payment")
    listed = platform.v1.payment_intents.list({"limit": 2})
    expect([intent.id for intent in listed.data], [held.id, again.id], "the newest payments")
    verified("cards pay, decline, wait for a capture, and fill the balance")


def refunds(platform):
    charge = platform.v1.charges.create(
        {"amount": 1_000, "currency": "usd", "source": "tok_bypassPending"})
    available, pending = balance(platform)
    part = platform.v1.refunds.create({"charge": charge.id, "amount": 400})
    expect((part.status, part.amount), ("succeeded", 400), "a refund")
    expect(balance(platform), (available - 400, pending), "the balance after a refund")
    refused(stripe.InvalidRequestError,
            lambda: platform.v1.refunds.create({"charge": charge.id, "amount": 601}),
            status=400, param="amount")
    transactions = platform.v1.balance_transactions.list({"source": part.id})
    expect([(t.type, t.net) for t in transactions.data], [("refund", -400)], "its transaction")
    verified("a charge by a token is refunded in part, and no more than there is")


def bank_accounts(platform):
    own = platform.v1.accounts.retrieve_current().id
    bank = platform.v1.accounts.external_accounts.create(own, {"external_account": BANK})
    expect((bank.object, bank.default_for_currency), ("bank_account", True), "a bank account")
    listed = platform.v1.accounts.external_accounts.list(own)
    expect([account.id for account in listed.data], [bank.id], "the account's bank accounts")
    customer = platform.v1.customers.create({"name": "Ann"})
    numbers = {key: value for key, value in BANK.items() if key != "object"}
    token = platform.v1.tokens.create({"bank_account": numbers})
    source = platform.v1.customers.payment_sources.create(customer.id, {"source": token.id})
    expect(source.status, "new", "a customer's bank account")
    checked = platform.v1.customers.payment_sources.verify(
        customer.id, source.id, {"amounts": [32, 45]})
    expect(checked.status, "verified", "the same, verified")
    verified("bank accounts of the account and of a customer")


def payouts(platform):
    available, pending = balance(platform)
    sent = platform.v1.payouts.create({"amount": 500, "currency": "usd"})
    expect((sent.status, sent.type), ("pending", "bank_account"), "a payout")
    expect(balance(platform), (available - 500, pending), "the balance with a payout on its way")
    expect(platform.v1.payouts.cancel(sent.id).status, "canceled", "a canceled payout")
    expect(balance(platform), (available, pending), "the balance after that")
    refused(stripe.InvalidRequestError,
            lambda: platform.v1.payouts.create({"amount": available + 1, "currency": "usd"}),
            status=400, code="balance_insufficient")
    paid = platform.v1.payouts.create({"amount": 500, "currency": "usd"})
    control("clock", action="advance", by="5d")
    expect(platform.v1.payouts.retrieve(paid.id).status, "paid", "a payout that has arrived")
    expect(balance(platform), (available - 500 + pending, 0), "the balance five days later")
    verified("payouts are canceled, refused and paid; what was pending is available")


def top_ups(platform):
    available, _ = balance(platform)
    topup = platform.v1.topups.create({"amount": 2_000, "currency": "usd", "description": "more"})
    fails = platform.v1.topups.create(
        {"amount": 700, "currency": "usd", "source": "btok_us_verified_insufficientFunds"})
    expect((topup.status, fails.failure_code), ("pending", None), "top-ups at first")
    let_steps_run()
    expect(platform.v1.topups.retrieve(topup.id).status, "succeeded", "a top-up")
    expect(platform.v1.topups.retrieve(fails.id).failure_code, "insufficient_funds", "another")
    expect(balance(platform), (available + 2_000, 0), "the balance after the top-ups")
    verified("top-ups fill the balance, or say why not")


def between_the_books(platform):
    """A payout to a FinancialAccount's address is a ReceivedCredit on it."""
    bank = Bank(platform)
    account = platform.v1.treasury.financial_accounts.retrieve(
        bank.id, {"expand": ["financial_addresses.aba.account_number"]})
    aba = account.financial_addresses[0].aba
    own = platform.v1.accounts.retrieve_current().id
    address = platform.v1.accounts.external_accounts.create(own, {"external_account": BANK | {
        "routing_number": aba.routing_number, "account_number": aba.account_number}})
    sent = platform.v1.payouts.create(
        {"amount": 800, "currency": "usd", "destination": address.id})
    control("clock", action="advance", by="5d")
    expect(bank.balances(), (800, 0), "the FinancialAccount")
    credits = platform.v1.treasury.received_credits.list({"financial_account": bank.id})
    expect(credits.data[0].linked_flows.source_flow, sent.id, "the credit's payout")
    topup = platform.v1.topups.create({"amount": 300, "currency": "usd", "source": address.id})
    let_steps_run()
    expect(platform.v1.topups.retrieve(topup.id).status, "succeeded", "a top-up from there")
    debits = platform.v1.treasury.received_debits.list({"financial_account": bank.id})
    expect(debits.data[0].linked_flows.topup, topup.id, "the debit's top-up")
    expect(bank.balances(), (500, 0), "the FinancialAccount after the top-up")
    verified("payouts to, and top-ups from, a FinancialAccount")


if __name__ == "__main__":
    run(main)
