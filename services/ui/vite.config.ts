import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const gateway = process.env.MAESTRO_UI ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    // The first that know light-dark() and relative colours, which must reach them as they are.
    cssTarget: ["chrome123", "firefox128", "safari18"],
    // A strict Content-Security-Policy allows no inlined data or scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/maestro.v1.": gateway, "/api/": gateway },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test/setup.ts"],
    testTimeout: 20_000,
    restoreMocks: true,
    unstubGlobals: true,
    env: { TZ: "UTC" },
  },
});
