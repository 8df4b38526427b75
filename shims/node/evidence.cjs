// Says in a header of each request which line of source made it. The valve shows it to people, strips it and
// believes none of it. Costs one function call a request.
"use strict";

const http = require("node:http");
const https = require("node:https");
const { syncBuiltinESMExports } = require("node:module");

const SOURCE = "x-valve-source";
const LONGEST = 256;
const TASK = `${process.env.LAMBDA_TASK_ROOT ?? "/var/task"}/`;
const LINE = /\(?((?:file:\/\/)?(\/[^():]+)):(\d+):\d+\)?$/;
const RUNTIME_API = process.env.AWS_LAMBDA_RUNTIME_API ?? "";

// The nearest line of the function's own code, packages aside; "" where none is known.
function callingLine() {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const { stack } = new Error();
  Error.stackTraceLimit = limit;
  for (const line of stack.split("\n")) {
    const found = LINE.exec(line);
    if (found && found[2].startsWith(TASK) && !found[2].includes("/node_modules/")) return `${found[2]}:${found[3]}`;
  }
  return "";
}

function watch(module) {
  const { request } = module;
  module.request = function (...given) {
    const made = request.apply(this, given);
    try {
      if (!made.headersSent && made.getHeader("host") !== RUNTIME_API) {
        const line = callingLine();
        if (line) made.setHeader(SOURCE, encodeURI(line).slice(-LONGEST));
      }
    } catch {
      // Why: evidence that fails must never fail the function.
    }
    return made;
  };
  module.get = function (...given) {
    const made = module.request(...given);
    made.end();
    return made;
  };
}

// `fetch` stands on none of the modules above; what it asks for is asked for later than it was called.
const { fetch } = globalThis;
if (fetch) {
  globalThis.fetch = function (resource, options) {
    let headers;
    try {
      const line = callingLine();
      headers = new Headers(options?.headers ?? (resource instanceof Request ? resource.headers : undefined));
      if (line && !headers.has(SOURCE)) headers.set(SOURCE, encodeURI(line).slice(-LONGEST));
    } catch {
      headers = undefined; // Why: what is wrong with the headers is for `fetch` itself to say.
    }
    return headers ? fetch.call(this, resource, { ...options, headers }) : fetch.call(this, resource, options);
  };
}

watch(http);
watch(https);
syncBuiltinESMExports();
