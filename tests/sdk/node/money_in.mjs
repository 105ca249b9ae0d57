// What comes in, what others pull, and what is sent or taken back, through the unmodified official
// package.

import assert from 'node:assert/strict';
import Stripe from 'stripe';
import { balances, client, close, control, payment, run, verified } from './story.mjs';

await run(async () => {
  const stripe = client();
  const account = await stripe.treasury.financialAccounts.create({
    supported_currencies: ['usd'],
    features: {
      financial_addresses: { aba: { requested: true } },
      inbound_transfers: { ach: { requested: true } },
      outbound_payments: { ach: { requested: true } },
    },
  });
  await transfers(stripe, account);
  await aReturn(stripe, account);
  await debits(stripe, account);
  await credits(stripe, account);
  await events(stripe);
  assert.equal((await close(stripe, account)).status, 'closed');
  verified('an emptied account is closed');
});

function letStepsRun() {
  return control('clock', { action: 'advance', by: '60s' });
}

function pullIn(stripe, account, amount, origin = 'pm_usBankAccount_processing') {
  return stripe.treasury.inboundTransfers.create({
    amount, currency: 'usd', financial_account: account.id, origin_payment_method: origin,
  });
}

async function refused(call, expected) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError, `${error}`);
    for (const [name, value] of Object.entries(expected)) assert.equal(error[name], value);
    return true;
  });
}

async function transfers(stripe, account) {
  const helpers = stripe.testHelpers.treasury.inboundTransfers;
  const one = await pullIn(stripe, account, 1000);
  assert.equal(one.transaction, null);
  const succeeded = await helpers.succeed(one.id, { expand: ['transaction'] });
  assert.equal(succeeded.transaction.amount, 1000);
  assert.deepEqual(await balances(stripe, account), [1000, 0]);
  const failed = await helpers.fail((await pullIn(stripe, account, 1000)).id, {
    failure_details: { code: 'insufficient_funds' },
  });
  assert.equal(failed.failure_details.code, 'insufficient_funds');
  const other = await pullIn(stripe, account, 1000);
  const canceled = await stripe.treasury.inboundTransfers.cancel(other.id);
  assert.equal(canceled.status, 'canceled');
  await refused(helpers.succeed(canceled.id), {
    statusCode: 400, code: 'status_transition_invalid',
  });
  await pullIn(stripe, account, 500, 'pm_usBankAccount');
  await letStepsRun();
  assert.deepEqual(await balances(stripe, account), [1500, 0]);
  const walked = [];
  const list = { financial_account: account.id, limit: 2 };
  for await (const each of stripe.treasury.inboundTransfers.list(list)) walked.push(each.status);
  assert.deepEqual(walked, ['succeeded', 'canceled', 'failed', 'succeeded']);
  verified('transfers succeed, fail and are canceled, and lists walk them');
}

async function aReturn(stripe, account) {
  const helpers = stripe.testHelpers.treasury.inboundTransfers;
  const transfer = await helpers.succeed((await pullIn(stripe, account, 4000)).id);
  const paid = await stripe.treasury.outboundPayments.create(payment(account, 5500));
  await stripe.testHelpers.treasury.outboundPayments.post(paid.id);
  const returned = await helpers.returnInboundTransfer(transfer.id);
  assert.equal(returned.returned, true);
  assert.equal(returned.status, 'succeeded');
  assert.deepEqual(await balances(stripe, account), [-4000, 0]);
  const debit = await stripe.treasury.receivedDebits.retrieve(
    returned.linked_flows.received_debit,
  );
  assert.equal(debit.linked_flows.inbound_transfer, transfer.id);
  await stripe.testHelpers.treasury.receivedCredits.create({
    amount: 5000, currency: 'usd', financial_account: account.id, network: 'ach',
  });
  assert.deepEqual(await balances(stripe, account), [1000, 0]);
  verified('what the bank takes back is a ReceivedDebit, and can leave a debt');
}

async function debits(stripe, account) {
  const pull = (amount) => stripe.testHelpers.treasury.receivedDebits.create({
    amount, currency: 'usd', financial_account: account.id, network: 'ach',
  });
  const failed = await pull(1001);
  assert.equal(failed.failure_code, 'insufficient_funds');
  const debit = await pull(1000);
  const reversal = await stripe.treasury.debitReversals.create({ received_debit: debit.id });
  assert.equal(reversal.status, 'processing');
  assert.deepEqual(await balances(stripe, account), [1000, 0]);
  await refused(stripe.treasury.debitReversals.create({ received_debit: failed.id }), {
    statusCode: 400, code: 'status_transition_invalid',
  });
  await letStepsRun();
  const won = await stripe.treasury.debitReversals.list({
    financial_account: account.id, resolution: 'won', status: 'completed',
  });
  assert.deepEqual(won.data.map((each) => each.id), [reversal.id]);
  verified('debits succeed, fail for want of money, and are taken back');
}

async function credits(stripe, account) {
  const [credit] = (await stripe.treasury.receivedCredits.list({
    financial_account: account.id, limit: 1,
  })).data;
  await refused(stripe.treasury.creditReversals.create({ received_credit: credit.id }), {
    statusCode: 400, code: 'balance_insufficient', param: 'amount',
  });
  await stripe.testHelpers.treasury.receivedCredits.create({
    amount: 4000, currency: 'usd', financial_account: account.id, network: 'ach',
  });
  const reversal = await stripe.treasury.creditReversals.create({
    received_credit: credit.id, metadata: { why: 'wrong' },
  });
  assert.deepEqual(await balances(stripe, account), [0, 5000]);
  await letStepsRun();
  const posted = await stripe.treasury.creditReversals.retrieve(reversal.id, {
    expand: ['transaction.flow_details'],
  });
  assert.equal(posted.status, 'posted');
  assert.equal(posted.transaction.flow_details.credit_reversal.metadata.why, 'wrong');
  assert.deepEqual(await balances(stripe, account), [0, 0]);
  verified('credits are sent back');
}

async function events(stripe) {
  const told = async (resource) => {
    const types = [];
    for await (const event of stripe.events.list({ type: `treasury.${resource}.*` })) {
      types.push(event.type.split('.').pop());
    }
    return types.reverse();
  };
  assert.deepEqual(await told('credit_reversal'), ['created', 'posted']);
  assert.deepEqual(await told('debit_reversal'), ['created', 'completed']);
  assert.deepEqual(await told('received_debit'), ['created', 'created', 'created']);
  const transfers = await told('inbound_transfer');
  assert.equal(transfers.filter((type) => type === 'created').length, 5);
  assert.equal(transfers.filter((type) => type === 'succeeded').length, 3);
  verified('events tell of each step');
}
