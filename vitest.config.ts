import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          // Some compile the country database several times over, and machines are busy.
          testTimeout: 30_000,
          include: ["src/**/*.test.ts", "test/unit/**/*.test.ts", "test/golden/**/*.test.ts"],
        },
      },
      {
        test: {
          name: "system",
          include: ["test/{property,interop,system,timed,fuzz}/**/*.test.ts"],
          // Long draws take minutes, and several times that on a busy machine.
          testTimeout: process.env.STEERD_LONG === undefined ? 120_000 : 3_600_000,
          hookTimeout: 120_000,
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // Worker entries run in threads of a built server: the system tests start those.
      exclude: [
        "src/**/*.test.ts",
        "src/control/control-worker.ts",
        "src/health/probe-worker.ts",
        "src/serve/stream-worker.ts",
        "src/serve/udp-worker.ts",
      ],
      reporter: ["text-summary", "json"],
      // 100 for the codec; the rest stays a little below what is reached, so that new code brings its tests.
      thresholds: { statements: 95, branches: 92, "src/wire/**/*.ts": { statements: 100, branches: 100 } },
    },
  },
});
