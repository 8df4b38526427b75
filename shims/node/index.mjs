// Starts a Node function in the sandbox: AWS's own client, unmodified, with a transport of ours in place of its
// native part. Runs in the function's own process, so nothing of it is ever believed.

import { createRequire } from "node:module";
import "./plain-http.cjs";

const require = createRequire(import.meta.url);
const native = require.extensions[".node"];
// Why here: the client asks for its native part by name, and what lies there is JavaScript.
require.extensions[".node"] = (module, file) => {
  require.extensions[".node"] = native;
  return require.extensions[".js"](module, file);
};
const { run } = await import("./aws-lambda-ric/dist/index.mjs");
await run(process.env.LAMBDA_TASK_ROOT ?? "/var/task", process.env._HANDLER);
