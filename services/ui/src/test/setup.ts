import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

configure({
  asyncUtilTimeout: 5000,
  // The whole document in every message hides the message.
  getElementError: (message) => new Error(message ?? "no such element"),
});
afterEach(cleanup);
