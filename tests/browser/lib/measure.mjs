// What a load costs: shifts of the layout, and bytes.

const SHIFTS = "layoutShiftsSoFar";

/** Begins to measure in all pages of a context. */
export function watchLayout(context) {
  return context.addInitScript(observe, SHIFTS);
}

/**
 * How much the page's layout shifted by itself, as Chromium scores it: 0 is nothing. With what moved.
 * @returns {Promise<{ score: number, moved: string[] }>}
 */
export function layoutShift(page) {
  return page.evaluate(async (shifts) => {
    // What was painted last is measured when the next frame begins.
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    return globalThis[shifts]();
  }, SHIFTS);
}

/**
 * Loads an address and gives the bytes that came over the network for it, heads included, by what they were for.
 * A context that has loaded something already has that in its cache.
 * @returns {Promise<{ total: number, requests: { url: string, bytes: number }[] }>}
 */
export async function transferSize(page, address) {
  const sizes = [];
  const add = (request) => sizes.push(request.sizes().then((size) => ({
    url: new URL(request.url()).pathname,
    bytes: size.responseHeadersSize + size.responseBodySize,
  })));
  page.on("requestfinished", add);
  await page.goto(address, { waitUntil: "networkidle" });
  page.off("requestfinished", add);
  const requests = await Promise.all(sizes);
  return { total: requests.reduce((sum, request) => sum + request.bytes, 0), requests };
}

/** Runs in each page before its own scripts. */
function observe(shifts) {
  let score = 0;
  const moved = [];
  const count = (entries) => {
    for (const entry of entries.filter((entry) => !entry.hadRecentInput)) {
      score += entry.value;
      for (const { node } of entry.sources) moved.push(node?.nodeName + (node?.className ? `.${node.className}` : ""));
    }
  };
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  globalThis[shifts] = () => {
    count(observer.takeRecords());
    return { score, moved };
  };
}
