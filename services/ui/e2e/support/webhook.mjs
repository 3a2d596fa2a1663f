import { createHmac, randomInt, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const examples = createRequire(import.meta.url)("@octokit/webhooks-examples");

/** A real `issues` payload, labelled `label`, about an issue no other delivery has touched. */
export function labeledIssue(label) {
  const payload = example("issues", "labeled");
  payload.label.name = label;
  payload.issue.number = randomInt(1_000_000, 2_000_000);
  payload.issue.id = payload.issue.number;
  payload.issue.labels = [payload.label];
  payload.issue.updated_at = new Date().toISOString();
  return payload;
}

/** The first example of an event, with the given action if it has one. */
export function example(event, action) {
  const { examples: all } = examples.find(({ name }) => name === event);
  const found = all.find((payload) => action === undefined || payload.action === action);
  if (!found) throw new Error(`no example of ${event} ${action ?? ""}`);
  return structuredClone(found);
}

/** Posts a payload as GitHub does; returns the delivery id once it was accepted. */
export async function deliver({ url, secretFile }, event, payload) {
  const secret = (await readFile(secretFile, "utf8")).trim();
  const body = JSON.stringify(payload);
  const id = randomUUID();
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": id,
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
    },
    body,
  });
  if (response.status !== 202) {
    throw new Error(`webhook answered ${response.status}: ${await response.text()}`);
  }
  return id;
}
