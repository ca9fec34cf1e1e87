// Another site, with pages that a test writes. A browser that is signed in to the pool visits it.

import { once } from "node:events";
import { createServer } from "node:http";

export class Stranger {
  /** Another port of the pool's own host: another origin, but cookies go there and back. */
  sameHost = "";
  /** Another site altogether. */
  otherHost = "";
  #server;

  /** Serves these pages, by their paths. */
  static async start(pages) {
    const stranger = new Stranger();
    stranger.#server = createServer((request, response) => {
      const body = pages[request.url];
      response.writeHead(body === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
      response.end(`<!doctype html><html lang="en"><title>elsewhere</title><link rel="icon" href="data:,">${body}`);
    });
    stranger.#server.listen(0, "127.0.0.1");
    await once(stranger.#server, "listening");
    const { port } = stranger.#server.address();
    stranger.sameHost = `http://127.0.0.1:${port}`;
    stranger.otherHost = `http://localhost:${port}`;
    return stranger;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
