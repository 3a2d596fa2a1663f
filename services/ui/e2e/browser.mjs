// The browser test: a real Chromium against a running Maestro.
// Inputs (environment): MAESTRO_UI, MAESTRO_LOGIN, MAESTRO_WEBHOOK, MAESTRO_WEBHOOK_SECRET_FILE and,
// optionally, SCREENSHOTS (folder) and CHROMIUM (path). The default stack must have the triggers
// `agent-dev` (issues labeled `run:dev`, prints lines, succeeds) and `slow` (issues labeled
// `run:slow`, sleeps for minutes).
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startBrowser } from "./support/browser.mjs";
import { inspect } from "./support/inspect.mjs";
import { deliver, example, labeledIssue } from "./support/webhook.mjs";

const ui = required("MAESTRO_UI").replace(/\/$/, "");
const loginUrl = required("MAESTRO_LOGIN");
const hook = {
  url: required("MAESTRO_WEBHOOK"),
  secretFile: required("MAESTRO_WEBHOOK_SECRET_FILE"),
};
const screenshots = process.env.SCREENSHOTS;

let browser;
let page;

before(async () => {
  browser = await startBrowser(new URL(ui).origin);
  page = browser.page;
});
after(() => browser?.close());

test("without a session the API refuses and the sign-in page shows", async () => {
  assert.equal((await fetch(`${ui}/api/v1/session`)).status, 401);
  assert.equal(await grpcStatus("RunService/ListRuns"), "16");

  await page.goto(`${ui}/runs`);
  await page.getByRole("heading", { name: "Sign in to Maestro" }).waitFor();
  assert.equal(await page.getByRole("table").count(), 0);
  await inspect(page, "sign-in", screenshots);

  await page.goto(`${ui}/login#not-a-code`);
  await page.getByRole("alert").waitFor();
  assert.equal(page.url(), `${ui}/login`, "a refused code leaves the address bar too");
});

test("the login link signs in once and leaves no trace in the address bar", async () => {
  await page.goto(loginUrl);
  await page.waitForURL(`${ui}/runs`);
  await page.getByRole("heading", { name: "Runs", level: 1 }).waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => document.cookie), "", "scripts cannot read the session");
});

test("a webhook's run appears without a reload and succeeds", async () => {
  await page.evaluate(() => {
    window.notReloaded = true;
  });
  const payload = labeledIssue("run:dev");
  await deliver(hook, "issues", payload);
  const row = rowOf(payload);
  await row.waitFor();
  await row.getByText("Succeeded").waitFor();
  await row.getByText("agent-dev").waitFor();
  assert.equal(await page.evaluate(() => window.notReloaded), true);
  await inspect(page, "runs", screenshots);

  await row.getByRole("link").click();
  await page.waitForURL(/\/runs\/run_/);
  await page.getByRole("heading", { name: "agent-dev", level: 1 }).waitFor();
  await page.getByText("complete", { exact: true }).waitFor();
  assert.ok((await page.locator("[data-log-line]").count()) >= 2, "the log has several lines");
  const entries = page.getByRole("region", { name: "Timeline" }).getByRole("listitem");
  assert.ok((await entries.count()) >= 3, "the timeline tells requested, dispatched and the end");
  await entries.first().locator("summary").click();
  assert.ok(
    JSON.parse(await entries.first().locator("pre").textContent()),
    "an entry opens to JSON",
  );
  await inspect(page, "run", screenshots);
});

test("a long run is canceled from its page", async () => {
  await page.goto(`${ui}/runs?trigger=slow`);
  const payload = labeledIssue("run:slow");
  await deliver(hook, "issues", payload);
  await rowOf(payload).getByText("Running").waitFor();
  await rowOf(payload).getByRole("link").click();
  await page.getByRole("button", { name: "Cancel run" }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel this run?" });
  await dialog.getByLabel("Reason (optional)").fill("browser test");
  await inspect(page, "cancel", screenshots);
  await dialog.getByRole("button", { name: "Cancel run" }).click();
  await dialog.waitFor({ state: "hidden" });
  await page.locator("h1 ~ *", { hasText: "Canceled" }).first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Cancel run" }).count(), 0);
});

test("a delivery shows its decision, the reason and every trigger considered", async () => {
  await page.goto(`${ui}/deliveries`);
  await page.getByText("Live", { exact: true }).waitFor();
  const id = await deliver(hook, "watch", example("watch", "started"));
  const row = page.locator(`tr[data-delivery="${id}"]`);
  await row.getByText("Ignored").waitFor();
  const reason = await row.getByRole("cell").nth(4).textContent();
  assert.match(reason, /\w+ \w+/, "the reason is a sentence");
  await inspect(page, "deliveries", screenshots);

  await row.getByRole("link").click();
  const verdicts = page.getByRole("table", { name: "Triggers considered" });
  await verdicts
    .getByRole("row", { name: /agent-dev/ })
    .getByText("Passed over")
    .waitFor();
  await verdicts.getByRole("row", { name: /slow/ }).waitFor();
  await inspect(page, "delivery", screenshots);
});

test("slots show who holds what", async () => {
  const payload = labeledIssue("run:slow");
  await page.goto(`${ui}/slots`);
  await page.getByText("Live", { exact: true }).waitFor();
  await deliver(hook, "issues", payload);
  await page.getByText("In use", { exact: true }).first().waitFor();
  await inspect(page, "slots", screenshots);
  await page.getByRole("link", { name: /^run_/ }).first().click();
  await page.waitForURL(/\/runs\/run_/);
});

test("a pool is paused, shows its queue, is resized and resumed", async () => {
  await page.goto(`${ui}/slots`);
  await page.getByText("Live", { exact: true }).waitFor();
  const board = page.getByRole("region", { name: "default / default" });
  await board.getByRole("button", { name: /^Pause/ }).click();
  const pause = page.getByRole("dialog", { name: "Pause default / default?" });
  await pause.getByLabel("Reason (optional)").fill("browser test");
  await inspect(page, "pause", screenshots);
  await pause.getByRole("button", { name: "Pause pool" }).click();
  await pause.waitFor({ state: "hidden" });
  await board.getByText("Paused", { exact: true }).waitFor();

  await deliver(hook, "issues", labeledIssue("run:dev"));
  const queue = board.getByRole("list", { name: "Queue" });
  await queue.getByText("agent-dev").waitFor();
  await page
    .getByRole("table", { name: "Executors" })
    .getByRole("row", { name: /Present/ })
    .first()
    .waitFor();
  await inspect(page, "slots-paused", screenshots);

  await board.getByRole("button", { name: /^Resize/ }).click();
  const resize = page.getByRole("dialog", { name: "Resize default / default" });
  await resize.getByLabel("Slots").fill("5");
  await resize.getByRole("button", { name: "Resize pool" }).click();
  await board.getByText(/of 5 in use/).waitFor();
  await board.getByRole("button", { name: /^Resume/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume pool" }).click();
  await queue.waitFor({ state: "hidden" });
  assert.equal(await board.getByText("Paused", { exact: true }).count(), 0);
});

test("an ended run is repeated from its page and both know each other", async () => {
  await page.goto(`${ui}/runs?status=succeeded&trigger=agent-dev`);
  await page
    .getByRole("row", { name: /agent-dev/ })
    .first()
    .getByRole("link")
    .click();
  await page.waitForURL(/\/runs\/run_/);
  const original = page.url();
  await page
    .getByRole("table", { name: "Attempts" })
    .getByRole("row", { name: /Succeeded/ })
    .waitFor();
  await page.getByRole("button", { name: "Retry" }).click();
  const dialog = page.getByRole("dialog", { name: "Repeat this run?" });
  await dialog.getByLabel("Reason (optional)").fill("browser test");
  await inspect(page, "retry", screenshots);
  await dialog.getByRole("button", { name: "Repeat run" }).click();
  await page.getByText("Repeats").waitFor();
  assert.notEqual(page.url(), original);
  await page.locator("h1 ~ *", { hasText: "Succeeded" }).first().waitFor();
  await inspect(page, "retried", screenshots);
  await page.getByText("Repeats").getByRole("link").click();
  await page.waitForURL(original);
  await page.getByText("Repeated as").waitFor();
});

test("the list follows many runs at once", async () => {
  await page.goto(`${ui}/runs`);
  await page.getByText("Live", { exact: true }).waitFor();
  const payloads = Array.from({ length: 6 }, () => labeledIssue("run:dev"));
  for (const payload of payloads) {
    await deliver(hook, "issues", payload);
  }
  for (const payload of payloads) {
    await rowOf(payload).getByText("Succeeded").waitFor();
  }
  const last = labeledIssue("run:dev");
  await deliver(hook, "issues", last);
  await rowOf(last).getByText("Running").waitFor();
  await inspect(page, "overview", screenshots);
});

test("filters live in the address and the keyboard reaches everything", async () => {
  await page.goto(`${ui}/runs?status=succeeded`);
  await page.getByRole("table").waitFor();
  assert.equal(await page.getByRole("row").filter({ hasText: "Running" }).count(), 0);

  await page.keyboard.press("/");
  await page.keyboard.type("nobody/nothing");
  await page.keyboard.press("Enter");
  await page.getByText("No run matches these filters").waitFor();
  assert.match(page.url(), /repository=nobody%2Fnothing/);
  await inspect(page, "runs-no-match", screenshots);

  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.waitForURL(`${ui}/runs`);
  await page.getByRole("table").waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/runs\/run_/);
});

test("the colour scheme can be chosen and is kept", async () => {
  const scheme = () => page.evaluate(() => document.documentElement.dataset.mantineColorScheme);
  await page.getByRole("button", { name: "Colour scheme: follows the system" }).click();
  await page.getByRole("button", { name: "Colour scheme: light" }).click();
  assert.equal(await scheme(), "dark");
  await page.reload();
  assert.equal(await scheme(), "dark");
  await page.getByRole("button", { name: "Colour scheme: dark" }).click();
  assert.equal(await scheme(), "light", "the system's again");
});

test("signing out ends the session", async () => {
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to Maestro" }).waitFor();
  await page.goto(`${ui}/runs`);
  await page.getByRole("heading", { name: "Sign in to Maestro" }).waitFor();
});

test("no page broke a rule of the browser", () => {
  assert.deepEqual(browser.problems, []);
});

/** The row of the run that a payload asked for: its issue's number is like no other. */
function rowOf(payload) {
  return page
    .getByRole("row")
    .filter({ hasText: `${payload.repository.full_name}#${payload.issue.number}` });
}

/** The status code of a gRPC-web call without a session, from its headers or its trailers; 401 is
 * what clients read as `unauthenticated`. */
async function grpcStatus(method) {
  const response = await fetch(`${ui}/maestro.v1.${method}`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body: new Uint8Array(5),
  });
  if (response.status === 401) return "16";
  const trailers = await response.text();
  return response.headers.get("grpc-status") ?? /grpc-status: ?(\d+)/i.exec(trailers)?.[1];
}

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
