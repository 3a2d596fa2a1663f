import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";
import { type Attempt, AttemptSchema, RunStatus } from "../../gen/maestro/v1/runs_pb";
import { renderApp } from "../../test/render";
import { SAMPLE_TIME, sampleRun } from "../../test/samples";
import { World } from "../../test/world";
import { text } from "../../text";

let world: World;

const ended = sampleRun({
  status: RunStatus.FAILED,
  reason: "oom_killed",
  fault: "user",
  attempt: 2,
  detail: "container exceeded its limit of 64Mi",
});

const attempts: Attempt[] = [
  create(AttemptSchema, {
    number: 1,
    status: RunStatus.FAILED,
    reason: "node_lost",
    fault: "infrastructure",
    executorId: "exe_00000000-0000-4000-8000-000000000009",
    place: { namespace: "maestro-runs", job: "run-1", pod: "run-1-x7k2p", node: "node-a" },
    startedAt: timestampFromMs(SAMPLE_TIME),
    finishedAt: timestampFromMs(SAMPLE_TIME + 4_000),
    retryAt: timestampFromMs(SAMPLE_TIME + 5_000),
  }),
  create(AttemptSchema, {
    number: 2,
    status: RunStatus.FAILED,
    reason: "oom_killed",
    fault: "user",
    detail: "container exceeded its limit of 64Mi",
  }),
];

beforeEach(() => {
  world = new World();
  world.runs = [ended];
  world.attempts.set(ended.id, attempts);
});

it("shows every attempt with its place, its reason and whose fault it was", async () => {
  renderApp(world, `/runs/${ended.id}`);
  const table = await screen.findByRole("table", { name: text.run.attempts.title });
  const [, first, second] = within(table).getAllByRole("rowgroup");
  for (const words of ["node_lost", "run-1-x7k2p", "node-a", "maestro-runs", "4.0 s"]) {
    expect(first?.textContent).toContain(words);
  }
  expect(first?.textContent).toContain(text.run.attempts.faults.infrastructure);
  expect(second?.textContent).toContain(text.run.reasons.oom_killed);
  expect(second?.textContent).toContain(text.run.attempts.faults.user);
  expect(second?.textContent).toContain("limit of 64Mi");
});

it("repeats an ended run with the reason and leads to the new one and back", async () => {
  const { router } = renderApp(world, `/runs/${ended.id}`);
  await userEvent.click(await screen.findByRole("button", { name: text.retry.open }));
  const dialog = await screen.findByRole("dialog");
  await userEvent.type(within(dialog).getByLabelText(text.command.reason), "more memory");
  expect(world.retries).toEqual([]);
  await userEvent.click(within(dialog).getByRole("button", { name: text.retry.confirm }));
  const original = await screen.findByRole("link", { name: "run_6f0c1a52" });
  expect(router.state.location.pathname).toBe("/runs/run_again");
  expect(screen.queryByRole("button", { name: text.retry.open })).toBeNull();
  expect(world.retries).toEqual([
    {
      id: ended.id,
      reason: "more memory",
      idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/),
    },
  ]);
  await userEvent.click(original);
  await screen.findByRole("link", { name: "run_again" });
});

it("offers no retry while the run lives", async () => {
  world.runs = [sampleRun()];
  renderApp(world, `/runs/${ended.id}`);
  await screen.findByRole("button", { name: text.cancel.open });
  expect(screen.queryByRole("button", { name: text.retry.open })).toBeNull();
});
