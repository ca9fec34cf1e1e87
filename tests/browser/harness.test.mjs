// That these tests can fail: each kind of fault, on a page made for it, is noticed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { expectNoAxeViolations } from "./lib/axe.mjs";
import { launch, openContext } from "./lib/browser.mjs";
import { layoutShift, transferSize } from "./lib/measure.mjs";
import { Server } from "./lib/server.mjs";
import { Upstream } from "./lib/upstream.mjs";
import { completion, error, Gate, held } from "./lib/answers.mjs";

const VIEWPORT = "<meta name='viewport' content='width=device-width'>";
const PAGES = {
  "/quiet": "<p id='now'>Nothing here.</p>",
  "/says-an-error": "<script src='/throws.js'></script>",
  "/logs-an-error": "<script src='/logs.js'></script>",
  "/inline": "<script>globalThis.ran = true</script><p style='color: red'>red</p>",
  "/broken-link": "<img src='/nothing.png' alt=''>",
  "/outside": "<link rel='stylesheet' href='http://localhost:9/theirs.css'>",
  "/nameless": "<button></button><p style='color: #ddd'>pale</p>",
  "/shifting": "<script src='/shifts.js'></script><p>It was at the top.</p>",
  "/throws.js": "throw new Error('broken script')",
  "/logs.js": "console.error('something is wrong')",
  "/shifts.js": `addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(() => {
    const late = document.createElement("div");
    late.style.height = "300px";
    document.body.prepend(late);
    document.documentElement.dataset.shifted = "yes";
  })))`,
};

const whole = (title, body) =>
  `<!doctype html><html lang="en">${VIEWPORT}<title>${title}</title><body><main>${body}</main>`;

const pages = createServer((request, response) => {
  const body = PAGES[request.url];
  const isScript = request.url.endsWith(".js");
  const policy = request.url === "/nameless" ? "" : "default-src 'self'";
  response.writeHead(body === undefined ? 404 : 200, {
    "content-type": isScript ? "text/javascript" : "text/html; charset=utf-8",
    ...(policy && { "content-security-policy": policy }),
  });
  response.end(isScript ? body : whole(request.url, body));
});
let browser;
let origin;

before(async () => {
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  origin = `http://127.0.0.1:${pages.address().port}`;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  pages.closeAllConnections();
  pages.close();
});

async function visit(path, look, body = async () => {}) {
  const { context, watch } = await openContext(browser, origin, look);
  try {
    const page = await context.newPage();
    await page.goto(path);
    await body(page);
    return watch;
  } finally {
    await context.close();
  }
}

for (const [path, fault] of [
  ["/says-an-error", /page error: broken script/],
  ["/logs-an-error", /console: something is wrong/],
  ["/inline", /policy: script-src-elem forbids inline/],
  ["/inline", /policy: style-src-attr forbids inline/],
  ["/broken-link", /status 404: GET .*\/nothing\.png/],
  ["/outside", /outside: GET http:\/\/localhost:9\/theirs\.css/],
  ["/gone", /status 404: GET .*\/gone/],
]) {
  test(`${path} fails its test: ${fault}`, async () => {
    const watch = await visit(path);
    assert.throws(() => watch.check(), fault);
  });
}

test("violations of the policy are noticed without JavaScript, too", async () => {
  const watch = await visit("/inline", { javascript: false });
  assert.throws(() => watch.check(), /console: .*Content Security Policy/);
});

test("a quiet page is none's fault", async () => {
  (await visit("/quiet")).check();
});

test("an expected fault is none, and has to come", async () => {
  const expects = [/status 404: .*nothing/];
  (await visit("/broken-link", { expects })).check();
  const watch = await visit("/quiet", { expects });
  assert.throws(() => watch.check(), /did not come/);
});

test("violations of accessibility are found", async () => {
  await visit("/nameless", {}, async (page) => {
    await assert.rejects(expectNoAxeViolations(page), /button-name[^]*color-contrast/);
  });
  await visit("/quiet", {}, async (page) => {
    await assert.rejects(expectNoAxeViolations(page), /page-has-heading-one/);
    await expectNoAxeViolations(page, { within: "#now" });
  });
});

test("shifts of the layout and bytes are measured", async () => {
  await visit("/shifting", {}, async (page) => {
    await page.locator("html[data-shifted]").waitFor();
    const { score, moved } = await layoutShift(page);
    assert.ok(score > 0.01, `${score}`);
    assert.deepEqual(moved, ["BODY"]);
  });
  await visit("/quiet", {}, async (page) => assert.equal((await layoutShift(page)).score, 0));
  const { context } = await openContext(browser, origin);
  const { total, requests } = await transferSize(await context.newPage(), "/says-an-error");
  assert.deepEqual(requests.map((request) => request.url), ["/says-an-error", "/throws.js"]);
  assert.ok(total > PAGES["/throws.js"].length + PAGES["/says-an-error"].length && total < 2_000, `${total}`);
  await context.close();
});

test("people see a page as they like", async () => {
  const look = { theme: "dark", lang: "zh-CN", isPhone: true };
  await visit("/quiet", look, async (page) => {
    const seen = await page.evaluate(() => ({
      dark: matchMedia("(prefers-color-scheme: dark)").matches,
      touch: matchMedia("(pointer: coarse)").matches,
      lang: navigator.language,
      width: innerWidth,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    }));
    assert.deepEqual(seen, { dark: true, touch: true, lang: "zh-CN", width: 390, zone: "Asia/Shanghai" });
  });
});

test("the stand-in does for each key what it is told, through the pool", async () => {
  const upstream = await Upstream.start();
  let server;
  try {
    server = await Server.start({ upstream, keys: 2 });
    const [first] = await server.addKeys(["scripted-key-of-a-test-0001"], { provider: "openrouter" });
    const { token } = await server.addToken({ name: "all", provider: "all" });
    upstream.key(first).next(completion("你好 世界", { isSplit: true }), error(429, { retryAfter: 600 }));
    const streamed = await server.chat(token, { stream: true, route: "/openrouter/v1" });
    assert.match(await streamed.text(), /"你好".*" 世界".*\[DONE\]/s);
    const limited = await server.chat(token, { route: "/openrouter/v1" });
    assert.equal(limited.status, 429);
    assert.ok(Number(limited.headers.get("retry-after")) > 590, limited.headers.get("retry-after"));
    const gate = new Gate();
    upstream.anyKey().next(held(gate, completion("at last")));
    const waiting = server.chat(token, { text: "hold on" });
    const asked = await upstream.received("the chat", ({ json }) => json?.messages?.[0].content === "hold on");
    assert.match(asked.key, /^0000000/);
    gate.open();
    assert.equal((await (await waiting).json()).choices[0].message.content, "at last");
    await server.restart({ MAX_ATTEMPTS: "2" });
    assert.equal((await server.api("GET", "/admin/api-keys?provider=all")).total, 3);
  } finally {
    await server?.stop();
    await upstream.stop();
  }
});
