// Follows the events with the NATS client for JavaScript while it delivers one webhook, and prints
// what came, from the first event to the end of the webhook's run.
import { text } from "node:stream/consumers";
import { connect } from "@nats-io/transport-node";

const { NATS, WEBHOOK, SIGNATURE, DELIVERY } = process.env;
const { username, password, host } = new URL(NATS);
const connection = await connect({ servers: host, user: username, pass: password });
const subscription = connection.subscribe("maestro.events.>");
await connection.flush();

const answer = await fetch(WEBHOOK, {
  method: "POST",
  headers: {
    "content-type": "application/json",
    "x-github-event": "issues",
    "x-github-delivery": DELIVERY,
    "x-hub-signature-256": SIGNATURE,
  },
  body: await text(process.stdin),
});
if (answer.status !== 202) throw new Error(`the webhook was answered ${answer.status}`);

const seen = [];
for await (const message of subscription) {
  const sequence = Number(message.headers.get("Nats-Sequence"));
  seen.push({ subject: message.subject, sequence, text: message.string() });
  if (message.json().events.some(({ type }) => type === "run.finished")) break;
}
await connection.close();
console.log(JSON.stringify(seen));
