// Has clients of the AWS SDK that would speak HTTP/2 (Kinesis, Bedrock, Lex) speak HTTP/1.1, as the valve speaks no
// other and the services speak both. Who makes a handler of HTTP/2 by his own hand gets the same.
"use strict";

const Module = require("node:module");

const HANDLERS = /^@(?:smithy|aws-sdk)\/node-http-handler$/;
const load = Module._load;
Module._load = function (name, ...beside) {
  const loaded = load.call(this, name, ...beside);
  if (!HANDLERS.test(name) || !loaded?.NodeHttpHandler || !loaded.NodeHttp2Handler) return loaded;
  // Why a copy: what a package exports may be fixed.
  return { ...loaded, NodeHttp2Handler: loaded.NodeHttpHandler };
};
