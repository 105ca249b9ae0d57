// A payment tells a webhook endpoint about itself, and the official verifier believes it.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import Stripe from 'stripe';
import { client, close, control, openAndFund, payment, record, run, verified } from './story.mjs';

const TYPES = ['treasury.outbound_payment.created', 'treasury.outbound_payment.posted'];

await run(async () => {
  const received = [];
  const receiver = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ signature: request.headers['stripe-signature'], body: Buffer.concat(chunks) });
    response.end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  try {
    await story(client(), `http://127.0.0.1:${receiver.address().port}/hook`, received);
  } finally {
    receiver.close();
    receiver.closeAllConnections();
  }
});

async function story(stripe, url, received) {
  const endpoint = await stripe.webhookEndpoints.create({ url, enabled_events: TYPES });
  const account = await openAndFund(stripe, 5000);
  const paid = await stripe.treasury.outboundPayments.create(payment(account, 5000));
  await stripe.testHelpers.treasury.outboundPayments.post(paid.id);
  assert.equal((await control('deliveries/wait', { timeout_ms: 5000 })).pending, 0);

  const events = received.map(({ body, signature }) =>
    stripe.webhooks.constructEvent(body, signature, endpoint.secret));
  for (const event of events) record('DELIVERY', `/v1/events/${event.id}`, 200, event);
  assert.deepEqual(events.map((event) => event.type), TYPES);
  for (const event of events) assert.equal(event.data.object.id, paid.id);
  verified('deliveries arrive once, in order, and pass the verifier');

  for (const { body, signature } of received) {
    refuseForgeries(stripe, endpoint.secret, body, signature);
  }
  verified('a flipped byte, another secret and a signature 301 s old are refused');
  assert.equal((await stripe.webhookEndpoints.del(endpoint.id)).deleted, true);
  await close(stripe, account);
}

function refuseForgeries(stripe, secret, body, signature) {
  const flipped = Buffer.from(body);
  flipped[flipped.length >> 1] ^= 1;
  const signed = (age) => stripe.webhooks.generateTestHeaderString({
    payload: body.toString(), secret, timestamp: Math.floor(Date.now() / 1000) - age,
  });
  const forgeries = [
    [flipped, signature, secret],
    [body, signature, `${secret}x`],
    [body, signed(301), secret],
  ];
  for (const forgery of forgeries) {
    assert.throws(
      () => stripe.webhooks.constructEvent(...forgery),
      Stripe.errors.StripeSignatureVerificationError,
    );
  }
  // The old signature was refused for its age alone: the same made just now passes.
  stripe.webhooks.constructEvent(body, signed(0), secret);
}
