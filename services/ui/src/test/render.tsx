import { createRouterTransport } from "@connectrpc/connect";
import { render } from "@testing-library/react";
import { StrictMode } from "react";
import { createMemoryRouter } from "react-router";
import { vi } from "vitest";
import { App } from "../app/App";
import { createQueryClient } from "../app/queryClient";
import { routes } from "../app/router";
import { createApi } from "../lib/api";
import type { World } from "./world";

interface Options {
  loginCode?: string;
  /** Codes the sign-in endpoint accepts. */
  codes?: string[];
}

/** The whole application over an in-memory gateway, at an address. */
export function renderApp(world: World, path: string, options: Options = {}) {
  const posted: string[] = [];
  vi.stubGlobal("fetch", async (url: string, init?: RequestInit) => {
    if (url === "/api/v1/login") {
      const { code } = JSON.parse(String(init?.body)) as { code: string };
      posted.push(code);
      world.signedIn = options.codes?.includes(code) ?? false;
      return new Response(null, { status: world.signedIn ? 204 : 401 });
    }
    if (url === "/api/v1/logout") {
      world.signedIn = false;
      return new Response(null, { status: 204 });
    }
    return world.signedIn
      ? Response.json({ user: { id: "usr_1", name: "Ada" } })
      : Response.json({ code: "unauthorized", message: "no session" }, { status: 401 });
  });
  const router = createMemoryRouter(routes(options.loginCode ?? null), { initialEntries: [path] });
  const api = createApi(createRouterTransport(world.routes));
  render(
    <StrictMode>
      <App api={api} client={createQueryClient()} router={router} />
    </StrictMode>,
  );
  return { router, posted };
}
