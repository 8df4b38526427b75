// Functions of Node whose answers are compared. Knows Lambda's interface alone, and not which of the two runs it.
"use strict";

const calls = [];

class Own extends Error {
  constructor(message) {
    super(message);
    this.name = "Own";
    this.code = "E_OWN";
  }
}

function circle() {
  const ring = {};
  ring.self = ring;
  return ring;
}

function thrown(what) {
  throw what;
}

const results = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  text: () => "text",
  "empty text": () => "",
  unicode: () => "ä € 😀 \u2028 \u0000",
  "lone surrogate": () => "\ud83d",
  number: () => 1.5,
  "negative zero": () => -0,
  "not a number": () => NaN,
  infinity: () => [Infinity, -Infinity],
  "great number": () => 2 ** 70,
  "big integer": () => 7n,
  symbol: () => Symbol("s"),
  function: () => () => 1,
  "undefined in an object": () => ({ a: undefined, b: [undefined, () => 1] }),
  date: () => new Date(0),
  map: () => new Map([[1, 2]]),
  set: () => new Set([1]),
  buffer: () => Buffer.from("bytes"),
  "typed array": () => new Uint8Array([1, 2]),
  error: () => new Error("returned, not thrown"),
  "regular expression": () => /x/,
  "own toJSON": () => ({ toJSON: () => ({ made: "by hand" }) }),
  "toJSON that throws": () => ({ toJSON: () => thrown(new Own("no text")) }),
  circle,
  "object without a prototype": () => Object.assign(Object.create(null), { a: 1 }),
  "keys that are numbers": () => ({ b: 1, 2: 2, 1: 1 }),
  "response of a gateway": () => ({ statusCode: 200, headers: { a: "b" }, body: "ä", isBase64Encoded: false }),
};

const errors = {
  error: () => thrown(new Error("mine")),
  "no words": () => thrown(new Error()),
  "own class": () => thrown(new Own("mine")),
  type: () => null.missing,
  reference: () => noSuchName,
  range: () => "x".repeat(-1),
  syntax: () => eval("{"),
  cause: () => thrown(new Error("outer", { cause: new Error("inner") })),
  aggregate: () => thrown(new AggregateError([new Error("one")], "several")),
  text: () => thrown("only text"),
  number: () => thrown(42),
  nothing: () => thrown(undefined),
  null: () => thrown(null),
  object: () => thrown({ message: "looks like one", name: "Thing" }),
  unicode: () => thrown(new Error("ä € 😀")),
  lines: () => thrown(new Error("one\ntwo\ttabs")),
  long: () => thrown(new Error("x".repeat(100_000))),
  "without a stack": () => {
    const error = new Error("mine");
    delete error.stack;
    error.stack = undefined;
    throw error;
  },
};

const deeds = {
  result: async (event) => results[event.of](),
  error: async (event) => errors[event.of](),
  count: async () => calls.length,
  about: async (event, context) => ({
    keys: Object.keys(context).sort(),
    functionName: context.functionName,
    functionVersion: context.functionVersion,
    invokedFunctionArn: context.invokedFunctionArn,
    memoryLimitInMB: context.memoryLimitInMB,
    clientContext: context.clientContext ?? null,
    identity: context.identity ?? null,
    tenantId: context.tenantId ?? null,
    remaining: context.getRemainingTimeInMillis() > 0 && context.getRemainingTimeInMillis() <= 30_000,
    callbackWaitsForEmptyEventLoop: context.callbackWaitsForEmptyEventLoop,
  }),
  around: async () => ({
    cwd: process.cwd(),
    file: __filename,
    handler: process.env._HANDLER,
    version: process.version,
    // Why not all: how the heap is told to Node is the platform's affair.
    argv: process.argv.length > 0,
  }),
  write: async () => {
    console.log("to standard output");
    console.error(new Error("to standard error"));
    process.stdout.write('{"looks": "like a result"}\n');
    return "written";
  },
  sized: async (event) => "x".repeat(event.bytes - 2),
  later: async () => new Promise((resolve) => setTimeout(resolve, 20, "later")),
  "left behind": async () => {
    setTimeout(() => calls.push("left behind"), 1);
    return "at once";
  },
  sleep: async (event) => new Promise((resolve) => setTimeout(resolve, event.seconds * 1000, "slept")),
};

exports.handler = (event, context) => {
  calls.push(event.do);
  return deeds[event.do](event, context);
};

exports.echo = async (event) => event;

// Handlers of other shapes

exports.called = (event, context, callback) => callback(null, ["called back", event]);
exports.calledLater = (event, context, callback) => setTimeout(callback, 10, null, "later");
exports.calledWithError = (event, context, callback) => callback(new Own("called back"));
exports.calledWithText = (event, context, callback) => callback("only text");
exports.calledWithNothing = (event, context, callback) => callback();
exports.calledTwice = (event, context, callback) => {
  callback(null, "first");
  callback(null, "second");
};
exports.calledAtOnce = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setTimeout(() => {}, 60_000);
  callback(null, "without waiting");
};
exports.returned = () => "nobody looks at this";
exports.neverCalls = (event, context, callback) => {};
exports.succeeds = (event, context) => context.succeed("by the old way");
exports.fails = (event, context) => context.fail(new Own("by the old way"));
exports.done = (event, context) => context.done(null, "by the oldest way");
exports.throwsAtOnce = () => thrown(new Own("before anything"));
exports.promised = () => Promise.resolve("promised");
exports.rejected = () => Promise.reject(new Own("rejected"));
exports.thenable = () => ({ then: (resolve) => resolve("then") });
exports.generator = function* () {
  yield 1;
};
exports.notAFunction = "text";
exports.Class = class {};
exports.nested = { deep: { handler: async (event) => ["deep", event] } };

exports.shaped = (event, context, callback) => exports[event.shape](event, context, callback);

// Responses in pieces: whoever waits for the whole gets the whole.

/* global awslambda */

const streams = {
  pieces: async (stream) => {
    stream.write("one ");
    await new Promise((resolve) => setTimeout(resolve, 10));
    stream.write(Buffer.from("two "));
    stream.end("ä");
  },
  nothing: async (stream) => stream.end(),
  "kind of content": async (stream) => {
    stream.setContentType("text/html");
    stream.end("<p>");
  },
  metadata: async (stream) => {
    const made = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: "b" } });
    made.end("body");
  },
  large: async (stream) => {
    for (let n = 0; n < 40; n++) stream.write("x".repeat(100_000));
    stream.end();
  },
  "error before the first piece": async () => thrown(new Own("too early")),
  "error without an end": async (stream) => {
    stream.write("one");
    throw new Own("too late");
  },
};

exports.streamed = awslambda.streamifyResponse((event, stream, context) => streams[event.of](stream));

// Ends

exports.ends = async (event) => {
  if (event.how === "exit") process.exit(event.status);
  if (event.how === "code") process.exitCode = event.status;
  if (event.how === "signal") process.kill(process.pid, event.status);
  if (event.how === "abort") process.abort();
  if (event.how === "uncaught") setTimeout(() => thrown(new Own("nobody catches this")), 1);
  if (event.how === "unhandled") Promise.reject(new Own("nobody handles this"));
  if (event.how === "never") return new Promise(() => {});
  return new Promise((resolve) => setTimeout(resolve, 200, "went on"));
};
