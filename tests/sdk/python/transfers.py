"""OutboundTransfers, and a bank that keeps its own time, through the unmodified official package."""

import stripe
from story import Bank, client, control, expect, let_steps_run, refused, run, verified

FEATURES = {
    "financial_addresses": {"aba": {"requested": True}},
    "inbound_transfers": {"ach": {"requested": True}},
    "intra_stripe_flows": {"requested": True},
    "outbound_transfers": {"ach": {"requested": True}, "us_domestic_wire": {"requested": True}},
}


def main():
    # Wednesday, the 5th of April 2023, early afternoon in New York.
    control("clock", action="freeze", to=1680716009)
    platform = client()
    bank = Bank(platform, FEATURES)
    bank.fund(100_000)
    transfers = every_ending(bank)
    to_a_bank_of_ones_own(bank)
    between_accounts(bank, Bank(platform, FEATURES))
    lists(bank, transfers)
    the_bank_keeps_its_time(bank)


def transfer(bank, amount, method="pm_usBankAccount_processing", **more):
    return bank.treasury.outbound_transfers.create({
        "amount": amount, "currency": "usd", "financial_account": bank.id,
        "destination_payment_method": method,
    } | more)


def every_ending(bank):
    helpers = bank.helpers.outbound_transfers
    endings = [
        (helpers.post, "posted"),
        (helpers.fail, "failed"),
        (bank.treasury.outbound_transfers.cancel, "canceled"),
        (helpers.return_outbound_transfer, "returned"),
    ]
    ended = []
    for end, status in endings:
        made = transfer(bank, 2000, metadata={"ending": status})
        expect((made.status, made.cancelable), ("processing", True), "a new transfer")
        expect(made.statement_descriptor, "transfer", "statement_descriptor")
        after = end(made.id)
        expect((after.status, after.metadata["ending"]), (status, status), "after its end")
        ended.append(bank.treasury.outbound_transfers.retrieve(made.id))
    expect(bank.balances(), (98_000, 0), "balances after all endings")
    expect(ended[3].returned_details.code, "declined", "code of the return")
    tracking = {"type": "ach", "ach": {"trace_id": "841042400123450"}}
    tracked = helpers.update(ended[0].id, {"tracking_details": tracking})
    expect(tracked.tracking_details.to_dict(), tracking, "tracking_details")
    refused(stripe.InvalidRequestError, lambda: helpers.post(ended[1].id), 400,
            "status_transition_invalid")
    verified("transfers post, fail, cancel and return; tracking")
    return ended


def to_a_bank_of_ones_own(bank):
    intent = bank.client.v1.setup_intents.create({
        "attach_to_self": True,
        "flow_directions": ["outbound"],
        "payment_method_types": ["us_bank_account"],
        "payment_method_data": {
            "type": "us_bank_account",
            "billing_details": {"name": "Rocket Rides"},
            "us_bank_account": {
                "account_holder_type": "company",
                "account_number": "000123456789",
                "routing_number": "110000000",
            },
        },
        "confirm": True,
    })
    made = transfer(bank, 3000, intent.payment_method)
    expect(made.destination_payment_method, intent.payment_method, "destination")
    let_steps_run()
    made = bank.treasury.outbound_transfers.retrieve(made.id, {"expand": ["transaction"]})
    expect((made.status, made.transaction.flow_type), ("posted", "outbound_transfer"), "posted")
    bank.helpers.outbound_transfers.post(transfer(bank, 1).id)
    verified("a SetupIntent saves a bank account of one's own, and it is paid")


def between_accounts(bank, other):
    cash, _ = bank.balances()
    made = bank.treasury.outbound_transfers.create({
        "amount": 5000, "currency": "usd", "financial_account": bank.id,
        "destination_payment_method_data": {
            "type": "financial_account", "financial_account": other.id,
        },
    })
    let_steps_run()
    expect(bank.balances(), (cash - 5000, 0), "the sender's balances")
    expect(other.balances(), (5000, 0), "the receiver's balances")
    credits = other.treasury.received_credits.list({
        "financial_account": other.id,
        "linked_flows": {"source_flow_type": "outbound_transfer"},
        "expand": ["data.linked_flows.source_flow_details"],
    })
    flow = credits.data[0].linked_flows.source_flow_details
    expect(flow.outbound_transfer.id, made.id, "the flow on the other side")
    verified("a transfer between two accounts of one owner")


def lists(bank, transfers):
    for ended in transfers[1:]:
        found = bank.treasury.outbound_transfers.list(
            {"financial_account": bank.id, "status": ended.status}
        )
        expect([one.id for one in found.data], [ended.id], f"transfers that are {ended.status}")
    all_of_them = bank.treasury.outbound_transfers.list({"financial_account": bank.id, "limit": 2})
    expect(len(list(all_of_them.auto_paging_iter())), 7, "all transfers, in pages of two")
    verified("lists of transfers, by status and in pages")


def the_bank_keeps_its_time(bank):
    control("account", settle="auto")
    made = transfer(bank, 4000)
    control("clock", action="advance", by="7h")
    sent = bank.treasury.outbound_transfers.retrieve(made.id)
    expect((sent.status, sent.cancelable), ("processing", False), "past the cut-off")
    expect(sent.tracking_details.ach.trace_id[:8], "11000000", "trace number")
    refused(stripe.InvalidRequestError,
            lambda: bank.treasury.outbound_transfers.cancel(made.id), 400,
            "status_transition_invalid")
    control("clock", action="advance", by="1d")
    posted = bank.treasury.outbound_transfers.retrieve(made.id)
    expect((posted.status, posted.status_transitions.posted_at), ("posted", 1680784200),
           "the next morning")
    verified("with settle=auto the bank hands over at its cut-off and posts in the morning")


run(main)
