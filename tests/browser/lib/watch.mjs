// Everything that goes wrong in a browser while a test looks elsewhere: a fault of any kind fails the test, unless the
// test expects it. An expected fault that does not come fails it, too.

const REPORT = "reportPolicyViolation";

export class Watch {
  /** @type {string[]} */
  faults = [];
  /** @type {Map<RegExp, number>} how often each expected fault came */
  #expected;

  /** Begins to watch all pages of a context, which may talk to no other origin than this one. */
  static async of(context, origin, expected = []) {
    const watch = new Watch();
    watch.#expected = new Map(expected.map((pattern) => [pattern, 0]));
    context.on("console", (message) => {
      if (message.type() === "error" && !isToldOtherwise(message.text())) watch.#add(`console: ${message.text()}`);
    });
    context.on("weberror", (error) => watch.#add(`page error: ${error.error().message}`));
    context.on("request", (request) => {
      const { protocol, origin: asked } = new URL(request.url());
      if (/^(https?|wss?):$/.test(protocol) && asked !== origin) watch.#add(`outside: ${about(request)}`);
    });
    context.on("response", (response) => {
      if (response.status() >= 400) watch.#add(`status ${response.status()}: ${about(response.request())}`);
    });
    context.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText;
      // Whoever goes on to another page leaves requests behind.
      if (reason !== "net::ERR_ABORTED") watch.#add(`failed: ${about(request)}: ${reason}`);
    });
    await context.exposeBinding(REPORT, (_source, text) => watch.#add(`policy: ${text}`));
    await context.addInitScript(reportPolicyViolations, REPORT);
    return watch;
  }

  /** From now on faults like these are expected, each at least once. */
  expect(...patterns) {
    for (const pattern of patterns) this.#expected.set(pattern, 0);
  }

  /** Fails for what went wrong, and for what was to go wrong and did not. */
  check() {
    const missing = [...this.#expected].filter(([, times]) => times === 0);
    const wrong = [...this.faults, ...missing.map(([pattern]) => `did not come: ${pattern}`)];
    if (wrong.length > 0) throw new Error(`the browser noticed:\n  ${wrong.join("\n  ")}`);
  }

  #add(fault) {
    const pattern = [...this.#expected.keys()].find((expected) => expected.test(fault));
    if (pattern) this.#expected.set(pattern, this.#expected.get(pattern) + 1);
    else this.faults.push(fault);
  }
}

/** The events of requests and responses say it better. */
function isToldOtherwise(text) {
  return text.startsWith("Failed to load resource:");
}

function about(request) {
  return `${request.method()} ${request.url()}`;
}

/** Runs in each page before its own scripts. */
function reportPolicyViolations(report) {
  document.addEventListener("securitypolicyviolation", (event) => {
    const what = event.blockedURI || event.sample || "something";
    globalThis[report](`${event.effectiveDirective} forbids ${what} (${event.sourceFile}:${event.lineNumber})`);
  });
}
