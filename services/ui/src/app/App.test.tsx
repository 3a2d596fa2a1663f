import { Code, ConnectError } from "@connectrpc/connect";
import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it } from "vitest";
import { RunStatus } from "../gen/maestro/v1/runs_pb";
import { renderApp } from "../test/render";
import { SAMPLE_TIME, sampleDelivery, sampleRun } from "../test/samples";
import { World } from "../test/world";
import { text } from "../text";

let world: World;

beforeEach(() => {
  world = new World();
});

const rowWith = (words: string) => screen.findByRole("row", { name: new RegExp(words) });
const rows = () => screen.getAllByRole("row").slice(1);

describe("the session", () => {
  it("shows the sign-in page without one, and keeps the address", async () => {
    world.signedIn = false;
    const { router } = renderApp(world, "/slots");
    await screen.findByRole("heading", { name: text.session.title });
    expect(router.state.location.pathname).toBe("/slots");
  });

  it("begins with the code of the link, posted once", async () => {
    world.signedIn = false;
    const { router, posted } = renderApp(world, "/login", { loginCode: "c0de", codes: ["c0de"] });
    await screen.findByRole("heading", { name: text.runs.title });
    expect(router.state.location.pathname).toBe("/runs");
    expect(posted).toEqual(["c0de"]);
  });

  it("says why a code was refused", async () => {
    world.signedIn = false;
    renderApp(world, "/login", { loginCode: "used" });
    expect(await screen.findByRole("alert")).toHaveProperty(
      "textContent",
      expect.stringContaining(text.session.refused),
    );
  });

  it("ends on the sign-in page when the server no longer knows it", async () => {
    renderApp(world, "/runs");
    await screen.findByText(text.runs.empty);
    world.signedIn = false;
    world.dropWatchers();
    await screen.findByRole("heading", { name: text.session.title });
  });
});

describe("the run list", () => {
  it("shows a new run and its end without asking again", async () => {
    renderApp(world, "/runs");
    await screen.findByText(text.runs.empty);
    await waitFor(() => expect(world.watching).toBe(1));
    world.putRun(sampleRun());
    await rowWith(text.runs.status[RunStatus.RUNNING]);
    world.putRun(sampleRun({ status: RunStatus.SUCCEEDED, revision: 11n }));
    await rowWith(text.runs.status[RunStatus.SUCCEEDED]);
    expect(rows()).toHaveLength(1);
  });

  it("catches up after the stream was lost", async () => {
    world.runs = [sampleRun()];
    renderApp(world, "/runs");
    await rowWith(text.runs.status[RunStatus.RUNNING]);
    await waitFor(() => expect(world.watching).toBe(1));
    world.runs = [sampleRun({ status: RunStatus.FAILED, revision: 12n })];
    world.dropWatchers();
    await rowWith(text.runs.status[RunStatus.FAILED]);
    await screen.findByText(text.live.live);
  });

  it("loads older runs on demand", async () => {
    world.runs = Array.from({ length: 60 }, (_, index) =>
      sampleRun({ id: `run_${index}`, requestedMs: SAMPLE_TIME - index }),
    );
    renderApp(world, "/runs");
    await screen.findByRole("table");
    expect(rows()).toHaveLength(50);
    await userEvent.click(screen.getByRole("button", { name: text.common.loadMore }));
    await waitFor(() => expect(rows()).toHaveLength(60));
    expect(screen.queryByRole("button", { name: text.common.loadMore })).toBeNull();
  });

  it("keeps its filters in the address", async () => {
    world.runs = [sampleRun(), sampleRun({ id: "run_2", repository: "acme/other" })];
    const { router } = renderApp(world, "/runs?status=running");
    await screen.findByText("acme/other#42");
    const field = screen.getByRole("combobox", { name: text.runs.filters.repository });
    await userEvent.type(field, "acme/shop{Enter}");
    await waitFor(() => expect(rows()).toHaveLength(1));
    expect(router.state.location.search).toBe("?status=running&repository=acme%2Fshop");
  });

  it("says what failed and tries again", async () => {
    world.failure = new ConnectError("the query is malformed", Code.InvalidArgument);
    const { router } = renderApp(world, "/deliveries");
    await screen.findByText(/malformed/);
    world.failure = undefined;
    world.deliveries = [sampleDelivery()];
    await userEvent.click(screen.getByRole("button", { name: text.common.retry }));
    await rowWith("One run was requested.");
    expect(router.state.location.pathname).toBe("/deliveries");
  });
});

describe("a run's page", () => {
  it("cancels with the reason, once confirmed", async () => {
    const run = sampleRun();
    world.runs = [run];
    renderApp(world, `/runs/${run.id}`);
    await userEvent.click(await screen.findByRole("button", { name: text.cancel.open }));
    const dialog = await screen.findByRole("dialog");
    await userEvent.type(within(dialog).getByLabelText(text.command.reason), "too slow");
    expect(world.cancels).toEqual([]);
    await userEvent.click(within(dialog).getByRole("button", { name: text.cancel.confirm }));
    await screen.findByText(text.run.reasons.canceled ?? "");
    expect(world.cancels).toEqual([
      { id: run.id, reason: "too slow", idempotencyKey: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);
    expect(screen.queryByRole("button", { name: text.cancel.open })).toBeNull();
  });

  it("says that a run does not exist", async () => {
    renderApp(world, "/runs/run_nothing");
    await screen.findByText(text.run.notFound);
  });
});
