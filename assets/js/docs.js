// @ts-check
// Shows this server's own document in Swagger UI. Without `validatorUrl: null` the document's address would be told to
// a validator on another host.

/** @type {{ SwaggerUIBundle: (options: object) => unknown }} */
const { SwaggerUIBundle } = /** @type {any} */ (globalThis);

SwaggerUIBundle({ dom_id: "#ui", url: "/openapi.json", validatorUrl: null, deepLinking: true });
