// What the Node stories share. The environment is that of ../python/story.py.

import { appendFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import assert from 'node:assert/strict';
import Stripe from 'stripe';

export const url = new URL(process.env.EXCHEQUER_URL ?? 'http://127.0.0.1:12111');
export const key = process.env.EXCHEQUER_KEY || `sk_test_${randomBytes(12).toString('hex')}`;
const bodies = process.env.EXCHEQUER_BODIES;
const story = `node/${basename(process.argv[1], '.mjs')}`;

export function record(method, path, status, body) {
  if (!bodies) return;
  const line = { test: story, method, path: path.split('?')[0], status, body };
  appendFileSync(bodies, JSON.stringify(line) + '\n');
}

// The package's own HTTP client; it also writes down every answer.
class RecordingClient extends Stripe.HttpClient {
  inner = Stripe.createNodeHttpClient();

  getClientName() {
    return this.inner.getClientName();
  }

  async makeRequest(host, port, path, method, ...rest) {
    const response = await this.inner.makeRequest(host, port, path, method, ...rest);
    const parse = response.toJSON.bind(response);
    response.toJSON = async () => {
      const body = await parse();
      record(method, path, response.getStatusCode(), body);
      return body;
    };
    return response;
  }
}

export function client(secret = key) {
  return new Stripe(secret, {
    host: url.hostname,
    port: url.port || 80,
    protocol: 'http',
    httpClient: new RecordingClient(),
  });
}

// Calls the server's own control address, which is no part of the API.
export async function control(path, body) {
  const answer = await fetch(new URL(`/_exchequer/${path}`, url), {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return answer.json();
}

export function verified(what) {
  console.log(`ok: ${what}`);
}

// A FinancialAccount that can pay, with `amount` on it.
export async function openAndFund(stripe, amount) {
  const account = await stripe.treasury.financialAccounts.create({
    supported_currencies: ['usd'],
    features: {
      financial_addresses: { aba: { requested: true } },
      outbound_payments: { ach: { requested: true } },
    },
  });
  await stripe.testHelpers.treasury.receivedCredits.create({
    amount,
    currency: 'usd',
    financial_account: account.id,
    network: 'ach',
  });
  return account;
}

// The parameters of a payment to a bank account; the number decides what happens.
export function payment(account, amount, number = '000000000009', more = {}) {
  return {
    amount,
    currency: 'usd',
    financial_account: account.id,
    destination_payment_method_data: {
      type: 'us_bank_account',
      billing_details: { name: 'Ann Vendor' },
      us_bank_account: {
        account_holder_type: 'company',
        account_number: number,
        routing_number: '110000000',
      },
    },
    ...more,
  };
}

// Spendable cash, and what is held for payments on their way out.
export async function balances(stripe, account) {
  const { balance } = await stripe.treasury.financialAccounts.retrieve(account.id);
  return [balance.cash.usd, balance.outbound_pending.usd];
}

// Pays out what is left, so that the account can be closed, and closes it.
export async function close(stripe, account) {
  const [cash] = await balances(stripe, account);
  if (cash > 0) {
    const rest = await stripe.treasury.outboundPayments.create(payment(account, cash));
    await stripe.testHelpers.treasury.outboundPayments.post(rest.id);
  }
  return stripe.treasury.financialAccounts.close(account.id);
}

export async function run(main) {
  console.log(`${story} against ${url.origin}`);
  await main();
  console.log(`${story}: passed`);
}
