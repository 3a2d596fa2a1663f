import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const schemes = ["light", "dark"];
const widths = [1440, 390];

/**
 * Looks at the page as it stands in both colour schemes and widths: no serious accessibility
 * violation, nothing wider than the window. Writes a screenshot of each.
 */
export async function inspect(page, name, folder) {
  const axe = await readFile(axePath, "utf8");
  if (folder) await mkdir(folder, { recursive: true });
  try {
    for (const colorScheme of schemes) {
      for (const width of widths) {
        const label = `${name}-${colorScheme}-${width}`;
        await dress(page, colorScheme, width);
        if (folder) await page.screenshot({ path: join(folder, `${label}.png`) });
        await assertAccessible(page, axe, label);
        await assertFits(page, label);
      }
    }
  } finally {
    await dress(page, schemes[0], widths[0]);
  }
}

async function dress(page, colorScheme, width) {
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await page.setViewportSize({ width, height: 900 });
  await page.waitForFunction(
    (scheme) => document.documentElement.dataset.mantineColorScheme === scheme,
    colorScheme,
  );
  await settle(page);
}

async function assertFits(page, label) {
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - window.innerWidth,
  );
  assert.ok(overflow <= 0, `${label}: the page is ${overflow} px wider than the window`);
}

/** Waits until fonts, transitions and the layout after a change of size have come to rest. */
async function settle(page) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const finite = document
      .getAnimations()
      .filter((each) => each.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY);
    await Promise.all(finite.map((each) => each.finished.catch(() => {})));
  });
}

async function assertAccessible(page, axe, label) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const result = await window.axe.run(document, { resultTypes: ["violations"] });
    return result.violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, help, nodes }) => ({
        id,
        help,
        nodes: nodes.slice(0, 5).map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
      }));
  });
  assert.deepEqual(violations, [], `${label}: accessibility`);
}
