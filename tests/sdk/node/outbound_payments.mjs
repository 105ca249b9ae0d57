// OutboundPayments from beginning to end, through the unmodified official package.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import {
  balances, client, close, control, key, openAndFund, payment, run, verified,
} from './story.mjs';

const CUSTOMERS = 250;

await run(async () => {
  const stripe = client();
  const account = await openAndFund(stripe, 100_000);
  assert.deepEqual(await balances(stripe, account), [100_000, 0]);
  const customer = await stripe.customers.create({ name: 'Ann Vendor' });
  const paid = await everyEnding(stripe, account, customer);
  await numbers(stripe, account);
  await expansion(stripe, account, paid);
  await errors(stripe, account);
  await idempotency(stripe, account);
  await events(stripe, paid[0]);
  assert.equal((await close(stripe, account)).status, 'closed');
  verified('an emptied account is closed');
  await autoPagination(stripe);
});

async function everyEnding(stripe, account, customer) {
  const helpers = stripe.testHelpers.treasury.outboundPayments;
  const endings = [
    // what is done, status, cash that stays away, Transaction
    [(id) => helpers.post(id), 'posted', 2000, 'posted'],
    [(id) => helpers.fail(id), 'failed', 0, 'void'],
    [(id) => stripe.treasury.outboundPayments.cancel(id), 'canceled', 0, 'void'],
    [(id) => helpers.returnOutboundPayment(id), 'returned', 0, 'posted'],
  ];
  const paid = [];
  for (const [end, status, gone, transactionStatus] of endings) {
    const [cash] = await balances(stripe, account);
    const created = await stripe.treasury.outboundPayments.create(
      payment(account, 2000, undefined, { customer: customer.id, metadata: { ending: status } }),
    );
    assert.equal(created.status, 'processing');
    assert.deepEqual(await balances(stripe, account), [cash - 2000, 2000]);
    const ended = await end(created.id);
    assert.equal(ended.status, status);
    assert.equal(ended.metadata.ending, status);
    assert.deepEqual(await balances(stripe, account), [cash - gone, 0]);
    const transaction = await stripe.treasury.transactions.retrieve(created.transaction);
    assert.equal(transaction.status, transactionStatus);
    paid.push(ended);
  }
  const tracked = await helpers.update(paid[0].id, {
    tracking_details: { type: 'ach', ach: { trace_id: '841042400123450' } },
  });
  assert.equal(tracked.tracking_details.ach.trace_id, '841042400123450');
  verified('payments post, fail, cancel and return; each moves the money it should; tracking');
  return paid;
}

async function numbers(stripe, account) {
  const payments = stripe.treasury.outboundPayments;
  const posts = await payments.create(payment(account, 500, '000123456789'));
  const returns = await payments.create(payment(account, 500, '000111111113'));
  await control('clock', { action: 'advance', by: '60s' });
  assert.equal((await payments.retrieve(posts.id)).status, 'posted');
  const returned = await payments.retrieve(returns.id);
  assert.equal(returned.returned_details.code, 'account_closed');
  verified('test account numbers decide what happens');
}

async function expansion(stripe, account, paid) {
  const returned = await stripe.treasury.outboundPayments.retrieve(paid[3].id, {
    expand: ['transaction', 'returned_details.transaction'],
  });
  assert.equal(returned.transaction.flow, returned.id);
  assert.equal(returned.returned_details.transaction.amount, 2000);
  const transactions = await stripe.treasury.transactions.retrieve(returned.transaction.id, {
    expand: ['entries'],
  });
  assert.equal(transactions.entries.data.length, 2);
  const walked = [];
  const list = { financial_account: account.id, limit: 2, customer: paid[0].customer };
  for await (const each of stripe.treasury.outboundPayments.list(list)) walked.push(each.id);
  assert.deepEqual(walked, paid.map((each) => each.id).reverse());
  verified('expand, and a list walked in pages of 2');
}

async function errors(stripe, account) {
  const payments = stripe.treasury.outboundPayments;
  const refused = async (call, type, expected) => {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof type, `${error}`);
      for (const [name, value] of Object.entries(expected)) assert.equal(error[name], value);
      return true;
    });
  };
  const before = await balances(stripe, account);
  const { errors: E } = Stripe;
  await refused(payments.create(payment(account, 10_000_000)), E.StripeInvalidRequestError, {
    statusCode: 400, code: 'balance_insufficient', param: 'amount',
  });
  await refused(payments.retrieve('obp_nope'), E.StripeInvalidRequestError, {
    statusCode: 404, code: 'resource_missing', param: 'id',
  });
  await refused(client('not_a_key').balance.retrieve(), E.StripeAuthenticationError, {
    statusCode: 401,
  });
  await refused(
    client(key.replace('sk_', 'pk_')).customers.list(), E.StripePermissionError,
    { statusCode: 403, code: 'secret_key_required' },
  );
  assert.deepEqual(await balances(stripe, account), before);
  verified("errors arrive as the package's own classes, and change nothing");
}

async function idempotency(stripe, account) {
  const payments = stripe.treasury.outboundPayments;
  const once = { idempotencyKey: randomUUID() };
  const [cash, held] = await balances(stripe, account);
  const first = await payments.create(payment(account, 300), once);
  const again = await payments.create(payment(account, 300), once);
  assert.equal(again.id, first.id);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  assert.deepEqual(await balances(stripe, account), [cash - 300, held + 300]);
  await assert.rejects(
    payments.create(payment(account, 301), once), Stripe.errors.StripeIdempotencyError,
  );
  await payments.cancel(first.id);
  verified('a repeated key answers the same and pays once; other parameters are refused');
}

async function events(stripe, posted) {
  const types = [];
  for await (const event of stripe.events.list({ type: 'treasury.outbound_payment.*' })) {
    if (event.data.object.id === posted.id) types.push(event.type.split('.').pop());
  }
  assert.deepEqual(types, ['tracking_details_updated', 'posted', 'created']);
  verified('events tell what happened, newest first');
}

async function autoPagination(stripe) {
  const email = `${randomUUID()}@example.com`;
  for (let made = 0; made < CUSTOMERS; made += 10) {
    const ten = Array.from({ length: 10 }, () => stripe.customers.create({ email }));
    await Promise.all(ten);
  }
  const seen = new Set();
  for await (const customer of stripe.customers.list({ email, limit: 100 })) {
    seen.add(customer.id);
  }
  assert.equal(seen.size, CUSTOMERS);
  const array = await stripe.customers.list({ email, limit: 100 })
    .autoPagingToArray({ limit: 10_000 });
  assert.deepEqual(array.map((customer) => customer.id), [...seen]);
  verified(`${CUSTOMERS} customers walked in pages of 100`);
}
