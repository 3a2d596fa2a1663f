import { Code, ConnectError } from "@connectrpc/connect";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { ExecutorStanding } from "../../gen/maestro/v1/executors_pb";
import { SlotState } from "../../gen/maestro/v1/slots_pb";
import { renderApp } from "../../test/render";
import { sampleExecutor, samplePool } from "../../test/samples";
import { World } from "../../test/world";
import { text } from "../../text";

let world: World;

beforeEach(() => {
  world = new World();
  world.pools = [samplePool()];
  world.executors = [sampleExecutor()];
});

const board = () => screen.findByRole("region", { name: "shop / default" });
const changed = (executors: boolean) =>
  world.send({
    revision: 30n,
    change: {
      case: "slots",
      value: { $typeName: "maestro.v1.SlotsChanged", project: "shop", executors },
    },
  });

it("shows who holds a slot, where, and until when", async () => {
  renderApp(world, "/slots");
  const table = await within(await board()).findByRole("table");
  const row = within(table).getByRole("row", { name: /agent-dev/ });
  expect(within(row).getByRole("link").getAttribute("href")).toBe(
    "/runs/run_6f0c1a52-0000-5000-8000-000000000001",
  );
  for (const words of [
    text.slots.state[SlotState.LEASED],
    text.slots.attempt(2),
    text.executors.standing[ExecutorStanding.SILENT],
    "run-2-x7k2p · node-a",
  ]) {
    expect(row.textContent).toContain(words);
  }
  expect(within(row).getAllByRole("time")).toHaveLength(2);
  expect((await board()).textContent).toContain(text.slots.restFree(1));
});

it("shows the queue in order and how many more wait", async () => {
  world.pools = [samplePool({ queued: 24 })];
  renderApp(world, "/slots");
  const queue = await within(await board()).findByRole("list", { name: text.slots.queue });
  expect(within(queue).getAllByRole("listitem")).toHaveLength(1);
  expect(within(queue).getByRole("link").getAttribute("href")).toMatch(/^\/runs\/run_1{8}/);
  expect((await board()).textContent).toContain(text.slots.more(23));
});

it("pauses and resumes a pool with the reason, once confirmed", async () => {
  renderApp(world, "/slots");
  await userEvent.click(await screen.findByRole("button", { name: "Pause shop / default" }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByLabelText(text.command.reason), "maintenance");
  expect(world.steered).toEqual([]);
  await userEvent.click(within(dialog).getByRole("button", { name: text.pool.pause.confirm }));
  await within(await board()).findByText(text.slots.paused);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await userEvent.click(screen.getByRole("button", { name: "Resume shop / default" }));
  const resume = await screen.findByRole("dialog");
  await userEvent.click(within(resume).getByRole("button", { name: text.pool.resume.confirm }));
  await waitFor(() => expect(screen.queryByText(text.slots.paused)).toBeNull());
  expect(world.steered).toEqual([
    { command: "pause", pool: "default", reason: "maintenance", size: undefined },
    { command: "resume", pool: "default", reason: "", size: undefined },
  ]);
});

it("resizes a pool and says what failed", async () => {
  renderApp(world, "/slots");
  await userEvent.click(await screen.findByRole("button", { name: "Resize shop / default" }));
  const dialog = await screen.findByRole("dialog");
  const size = within(dialog).getByLabelText(/Slots/);
  await userEvent.clear(size);
  await userEvent.type(size, "5");
  world.failure = new ConnectError("the conductor is away", Code.FailedPrecondition);
  await userEvent.click(within(dialog).getByRole("button", { name: text.pool.resize.confirm }));
  await within(dialog).findByText(/conductor is away/);
  world.failure = undefined;
  await userEvent.click(within(dialog).getByRole("button", { name: text.pool.resize.confirm }));
  await within(await board()).findByText(new RegExp(text.slots.used(1, 5)));
  expect(world.steered).toEqual([{ command: "resize", pool: "default", reason: "", size: 5 }]);
});

it("follows executors and pools as they change", async () => {
  renderApp(world, "/slots");
  const executors = await screen.findByRole("table", { name: text.executors.title });
  within(executors).getByText(text.executors.standing[ExecutorStanding.PRESENT]);
  await waitFor(() => expect(world.watching).toBe(1));
  world.executors = [sampleExecutor({ standing: ExecutorStanding.DRAINING })];
  changed(true);
  await within(executors).findByText(text.executors.standing[ExecutorStanding.DRAINING]);
  world.pools = [samplePool({ paused: true })];
  changed(false);
  await within(await board()).findByText(text.slots.paused);
});

it("says that nothing is held, and that nobody is there", async () => {
  world.pools = [samplePool({ slots: [], size: 0, queued: 0, queue: [] })];
  world.executors = [];
  renderApp(world, "/slots");
  await screen.findByText(text.slots.allFree(0));
  await screen.findByText(text.executors.empty);
});
