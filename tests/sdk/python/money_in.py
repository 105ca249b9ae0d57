"""What comes in, what others pull, and what is sent or taken back, through the unmodified official
package."""

import stripe
from story import Bank, FEATURES, client, expect, let_steps_run, refused, run, verified

BAD = stripe.InvalidRequestError


def main():
    features = FEATURES | {"inbound_transfers": {"ach": {"requested": True}}}
    bank = Bank(client(), features)
    own_bank_account(bank)
    every_ending(bank)
    a_return(bank)
    debits(bank)
    credits(bank)
    expansion(bank)
    closed = bank.close()
    expect(closed.status, "closed", "the emptied account")
    verified("an emptied account is closed")


def pull_in(bank, amount, origin="pm_usBankAccount_processing", **more):
    return bank.treasury.inbound_transfers.create({
        "amount": amount, "currency": "usd", "financial_account": bank.id,
        "origin_payment_method": origin,
    } | more)


def own_bank_account(bank):
    """Sets up a bank account of one's own, verifies it and pulls money from it."""
    intents = bank.client.v1.setup_intents
    intent = intents.create({
        "attach_to_self": True,
        "flow_directions": ["inbound", "outbound"],
        "payment_method_types": ["us_bank_account"],
        "payment_method_data": {
            "type": "us_bank_account",
            "billing_details": {"name": "Ann Owner"},
            "us_bank_account": {
                "account_holder_type": "company",
                "account_number": "000123456789",
                "routing_number": "110000000",
            },
        },
        "mandate_data": {"customer_acceptance": {"type": "offline"}},
        "confirm": True,
    })
    expect(intent.next_action.type, "verify_with_microdeposits", "next_action")
    refused(BAD, lambda: pull_in(bank, 500, intent.payment_method), 400,
            "payment_method_unexpected_state", "origin_payment_method")
    intent = intents.verify_microdeposits(intent.id, {"amounts": [32, 45]})
    expect(intent.status, "succeeded", "the verified SetupIntent")
    transfer = pull_in(bank, 500, intent.payment_method, metadata={"month": "May"})
    expect((transfer.status, transfer.transaction), ("processing", None), "a new transfer")
    details = transfer.origin_payment_method_details
    expect(details.us_bank_account.mandate, intent.mandate, "its mandate")
    expect(bank.balances(), (0, 0), "nothing has moved yet")
    let_steps_run()
    transfers = bank.treasury.inbound_transfers
    transfer = transfers.retrieve(transfer.id, {"expand": ["transaction"]})
    expect((transfer.status, transfer.transaction.amount), ("succeeded", 500), "it has come")
    expect(transfer.metadata["month"], "May", "metadata")
    expect(bank.balances(), (500, 0), "balances once it has come")
    verified("a bank account of one's own is set up, verified, and pays in")


def every_ending(bank):
    transfers, helpers = bank.treasury.inbound_transfers, bank.helpers.inbound_transfers
    failed = helpers.fail(pull_in(bank, 100).id, {"failure_details": {"code": "no_account"}})
    expect((failed.status, failed.failure_details.code), ("failed", "no_account"), "failed")
    canceled = transfers.cancel(pull_in(bank, 100).id)
    expect((canceled.status, canceled.cancelable), ("canceled", False), "canceled")
    succeeded = helpers.succeed(pull_in(bank, 100).id)
    expect(succeeded.status_transitions.succeeded_at is None, False, "succeeded_at is null")
    for ended in (failed, canceled, succeeded):
        refused(BAD, lambda: transfers.cancel(ended.id), 400, "status_transition_invalid")
        refused(BAD, lambda: helpers.succeed(ended.id), 400, "status_transition_invalid")
        listed = transfers.list({"financial_account": bank.id, "status": ended.status})
        expect(ended.id in [one.id for one in listed.data], True, f"listed as {ended.status}")
    walked = transfers.list({"financial_account": bank.id, "limit": 2}).auto_paging_iter()
    expect([one.status for one in walked],
           ["succeeded", "canceled", "failed", "succeeded"], "all, newest first")
    expect(bank.balances(), (600, 0), "balances after the endings")
    verified("transfers fail, are canceled and succeed; lists walk and filter them")


def a_return(bank):
    """The bank takes back what it gave: by its helper, and by a token of its own accord."""
    transfer = pull_in(bank, 400, "pm_usBankAccount_dispute")
    let_steps_run()
    transfer = bank.treasury.inbound_transfers.retrieve(transfer.id)
    expect((transfer.status, transfer.returned), ("succeeded", True), "the disputed transfer")
    expect(transfer.failure_details.code, "debit_not_authorized", "why")
    helpers = bank.helpers.inbound_transfers
    large = helpers.succeed(pull_in(bank, 5000).id)
    posted = bank.pay(5000)
    bank.helpers.outbound_payments.post(posted.id)
    expect(bank.balances(), (600, 0), "balances before the return")
    returned = helpers.return_inbound_transfer(large.id)
    debit = bank.treasury.received_debits.retrieve(returned.linked_flows.received_debit)
    expect(debit.linked_flows.inbound_transfer, large.id, "the debit's transfer")
    expect(debit.reversal_details.restricted_reason, "source_flow_restricted", "its reversal")
    expect(bank.balances(), (-4400, 0), "a debt is left")
    refused(BAD, lambda: bank.pay(1), 400, "balance_insufficient", "amount")
    bank.fund(4400)
    expect(bank.balances(), (0, 0), "the debt is paid")
    verified("what the bank takes back is a ReceivedDebit, and can leave a debt")


def pull(bank, amount):
    return bank.helpers.received_debits.create(
        {"amount": amount, "currency": "usd", "financial_account": bank.id, "network": "ach"}
    )


def debits(bank):
    failed = pull(bank, 1000)
    expect((failed.status, failed.failure_code), ("failed", "insufficient_funds"), "too much")
    expect((failed.transaction, failed.reversal_details), (None, None), "nothing has moved")
    bank.fund(1000)
    debit = pull(bank, 1000)
    reversals = bank.treasury.debit_reversals
    reversal = reversals.create({"received_debit": debit.id, "metadata": {"why": "unknown"}})
    expect((reversal.status, reversal.linked_flows), ("processing", None), "a DebitReversal")
    expect(bank.balances(), (1000, 0), "the money is back at once")
    let_steps_run()
    expect(reversals.retrieve(reversal.id).status, "succeeded", "its end")
    won = reversals.list({"financial_account": bank.id, "resolution": "won"})
    expect([one.id for one in won.data], [reversal.id], "reversals that were won")
    completed = reversals.list(
        {"financial_account": bank.id, "status": "completed", "received_debit": debit.id}
    )
    expect([one.id for one in completed.data], [reversal.id], "reversals that are completed")
    debit = bank.treasury.received_debits.retrieve(debit.id)
    expect(debit.linked_flows.debit_reversal, reversal.id, "the debit's reversal")
    refused(BAD, lambda: reversals.create({"received_debit": debit.id}), 400,
            "status_transition_invalid")
    listed = bank.treasury.received_debits.list(
        {"financial_account": bank.id, "status": "failed"}
    )
    expect([one.id for one in listed.data], [failed.id], "debits that failed")
    verified("debits succeed, fail for want of money, and are taken back once")


def credits(bank):
    credit = bank.fund(700)
    reversals = bank.treasury.credit_reversals
    reversal = reversals.create({"received_credit": credit.id})
    expect((reversal.status, reversal.amount), ("processing", 700), "a CreditReversal")
    expect(bank.balances(), (1000, 700), "what is sent back is held")
    credit = bank.treasury.received_credits.retrieve(credit.id)
    expect(credit.linked_flows.credit_reversal, reversal.id, "the credit's reversal")
    expect(credit.reversal_details.restricted_reason, "already_reversed", "and its state")
    let_steps_run()
    posted = reversals.list({
        "financial_account": bank.id, "status": "posted", "received_credit": credit.id,
    })
    expect([one.id for one in posted.data], [reversal.id], "posted reversals")
    expect(bank.balances(), (1000, 0), "what was sent back is gone")
    wire = bank.helpers.received_credits.create({
        "amount": 100, "currency": "usd", "financial_account": bank.id,
        "network": "us_domestic_wire",
    })
    refused(BAD, lambda: reversals.create({"received_credit": wire.id}), 400,
            "status_transition_invalid")
    verified("credits are sent back once, and wires never")


def expansion(bank):
    """Every Transaction and every entry leads to its flow."""
    transactions = bank.treasury.transactions.list(
        {"financial_account": bank.id, "limit": 100, "expand": ["data.flow_details"]}
    )
    kinds = set()
    for transaction in transactions.auto_paging_iter():
        details = transaction.flow_details
        expect(details.type, transaction.flow_type, "type of the flow")
        expect(details[details.type].id, transaction.flow, "id of the flow")
        kinds.add(details.type)
    expect(kinds, {"credit_reversal", "debit_reversal", "inbound_transfer", "outbound_payment",
                   "received_credit", "received_debit"}, "kinds of flows")
    entries = bank.treasury.transaction_entries.list(
        {"financial_account": bank.id, "limit": 100, "expand": ["data.flow_details"]}
    )
    for entry in entries.auto_paging_iter():
        expect(entry.flow_details[entry.flow_type].id, entry.flow, f"flow of {entry.id}")
    total = sum(entry.balance_impact.cash for entry in entries.auto_paging_iter())
    expect(total, bank.balances()[0], "the sum of all entries")
    verified("every Transaction and entry leads to its flow; all add up to the balance")


if __name__ == "__main__":
    run(main)
