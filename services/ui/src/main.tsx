import "@mantine/core/styles.css";
import "./app/theme.css";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { createQueryClient } from "./app/queryClient";
import { createRouter } from "./app/router";
import { takeLoginCode } from "./features/session/loginCode";
import { createApi } from "./lib/api";

// Before anything else reads the address.
const loginCode = takeLoginCode(window.location, window.history);

/** Milliseconds a call may take; streams have no limit. */
const CALL_TIMEOUT = 15_000;

const api = createApi(
  createGrpcWebTransport({ baseUrl: window.location.origin, defaultTimeoutMs: CALL_TIMEOUT }),
);
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

createRoot(root).render(
  <StrictMode>
    <App api={api} client={createQueryClient()} router={createRouter(loginCode)} />
  </StrictMode>,
);
