// The transport of AWS's runtime client: the next event, a response, an error. Its native part asks for a compiler
// and libcurl; this one has its three verbs, with the same arguments and results, on one connection.
//
// Like it, `done` and `error` return once the bytes are written, and nothing of it keeps the event loop alive while
// the function is at work: how a handler ends that calls nobody back depends on that.
"use strict";

const net = require("node:net");

const [HOST, PORT] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const BASE = "/2018-06-01/runtime/invocation/";
const XRAY_LIMIT = 1024 * 1024;

let socket = null;
let received = Buffer.alloc(0);
let waiting = []; // { resolve, reject } of each answer that is to come, in their order
let before = Promise.resolve(); // settled once every answer before has come

function connect() {
  const made = net.connect({ host: HOST, port: Number(PORT), noDelay: true });
  made.on("data", (chunk) => {
    received = received.length ? Buffer.concat([received, chunk]) : chunk;
    read();
  });
  const gone = (error) => {
    if (socket !== made) return;
    socket = null;
    received = Buffer.alloc(0);
    for (const left of waiting.splice(0)) left.reject(error ?? new Error("the connection to the runtime API ended"));
  };
  made.on("error", gone);
  made.on("close", () => gone());
  return made;
}

// Takes answers off what has been received: a head, and a body of the length that it tells.
function read() {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0 || !waiting.length) return;
  const [first, ...lines] = received.toString("latin1", 0, end).split("\r\n");
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const chunked = headers["transfer-encoding"] === "chunked";
  const found = chunked ? chunks(end + 4) : counted(end + 4, Number(headers["content-length"] ?? 0));
  if (!found) return;
  const { body, after } = found;
  received = received.subarray(after);
  waiting.shift().resolve({ status: Number(first.split(" ")[1]), headers, body });
  read();
}

// The body of a known size that begins at `at`, and where it ends; undefined while it is not all there.
function counted(at, size) {
  if (received.length >= at + size) return { body: received.subarray(at, at + size), after: at + size };
}

// The same of a body in chunks (RFC 9112, 7.1), without extensions or trailers, which nobody sends here.
function chunks(at) {
  const pieces = [];
  for (;;) {
    const line = received.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = parseInt(received.toString("latin1", at, line), 16);
    const piece = counted(line + 2, size + 2);
    if (!piece) return undefined;
    at = piece.after;
    if (!size) return { body: Buffer.concat(pieces), after: at };
    pieces.push(piece.body.subarray(0, size));
  }
}

// Writes a request at once, and returns the promise of its answer.
function send(method, path, headers, body) {
  socket ??= connect();
  socket.ref();
  const told = { Host: `${HOST}:${PORT}`, ...headers };
  if (method === "POST") told["Content-Length"] = body.length;
  const lines = Object.entries(told).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
  const answered = new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
  });
  socket.write(body ? Buffer.concat([head, body]) : head);
  return answered.finally(() => waiting.length || socket?.unref());
}

function post(path, content, headers) {
  const body = Buffer.from(content, "utf8");
  before = send("POST", path, { "Content-Type": "application/json", ...headers }, body);
  before.catch(() => {}); // Why: whoever asks for the next event hears of it.
}

exports.done = (ident, content) => post(`${BASE}${ident}/response`, content, {});

exports.error = (ident, content, cause) => {
  const told = cause && Buffer.byteLength(cause) < XRAY_LIMIT;
  post(`${BASE}${ident}/error`, content, told ? { "Lambda-Runtime-Function-XRay-Error-Cause": cause } : {});
};

exports.next = async () => {
  await before.catch(() => {});
  const { status, headers, body } = await send("GET", `${BASE}next`, {});
  if (status !== 200) throw new Error(`Failed to get next invocation, error ${status}`);
  headers["lambda-runtime-deadline-ms"] = Number(headers["lambda-runtime-deadline-ms"]);
  return { bodyJson: body.toString("utf8"), headers };
};
