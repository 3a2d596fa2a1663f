// A webhook receiver written the usual way: the middleware of @octokit/webhooks, and each delivery
// published to JetStream under its id. Prints its port on a line of its own.
//
// WEBHOOK_SECRET_FILE=… NATS_URL=nats://user:password@host:port node receiver.mjs

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { createNodeMiddleware, Webhooks } from "@octokit/webhooks";

const STREAM = "BENCH_NODE";
const url = new URL(process.env.NATS_URL);
const secret = readFileSync(process.env.WEBHOOK_SECRET_FILE, "utf8").split("\n")[0].trim();

const connection = await connect({ servers: url.host, user: url.username, pass: url.password });
const manager = await jetstreamManager(connection);
await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.>`] });
const log = jetstream(connection);

const webhooks = new Webhooks({ secret });
webhooks.onAny(async ({ id, name, payload }) => {
  await log.publish(`${STREAM}.${name}`, JSON.stringify(payload), { msgID: id });
});

const middleware = createNodeMiddleware(webhooks, { path: "/api/v1/webhooks/github" });
const server = createServer(middleware);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

process.once("SIGTERM", async () => {
  server.closeAllConnections();
  server.close();
  await manager.streams.delete(STREAM);
  await connection.close();
});
